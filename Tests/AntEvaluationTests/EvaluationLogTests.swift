import AntEvaluation
import AntTestSupport
import AntText
import Foundation
import Testing

@Suite struct EvaluationLogTests {
  private let scratch = Scratch()

  private func record(_ phenomenon: String, _ accuracy: Double = 0.5) -> EvaluationLog.Record {
    .init(
      set: "blimp", checksum: "00ff", scoring: "causal", rule: "2025", phenomenon: phenomenon,
      accuracy: accuracy, pairs: 100,
      step: 1040)
  }

  @Test func givesBackWhatWasAdded() throws {
    let log = EvaluationLog(of: scratch.url)
    #expect(try log.read() == [])
    var other = record("rte \"\u{1}\n\u{2028} é", 0.1 + 0.2)
    other.rule = nil
    other.set = nil
    other.checksum = nil
    try log.append([record("a"), other])
    try log.append([])
    try log.append([record("a", 1)])
    #expect(try log.read() == [record("a"), other, record("a", 1)])
    let first = try String(contentsOf: log.url, encoding: .utf8).prefix { $0 != "\n" }
    #expect(
      first
        == #"{"kind":"pairs","set":"blimp","checksum":"00ff","scoring":"causal","rule":"2025","phenomenon":"a","#
        + #""accuracy":0.5,"pairs":100,"step":1040}"#
    )
  }

  @Test func aTornLineGoes() throws {
    let log = EvaluationLog(of: scratch.url)
    try log.append([record("a")])
    let whole = try Data(contentsOf: log.url)
    for cut in 0..<whole.count {
      try whole.prefix(cut).write(to: log.url)
      #expect(try log.read() == [])
      try log.append([record("b")])
      #expect(try log.read() == [record("b")])
    }
  }

  @Test(arguments: [
    ("", "no JSON"), ("{}", "no \"kind\""), ("[]", "it is a list"), ("nonsense", "no JSON"),
    ("\u{0}", "no JSON"),
    (
      #"{"kind":"pairs","scoring":"causal","phenomenon":"a","accuracy":1.5,"pairs":1,"step":1}"#,
      "\"accuracy\" is 1.5"
    ),
    (
      #"{"kind":"pairs","scoring":"causal","phenomenon":"a","accuracy":NaN,"pairs":1,"step":1}"#,
      "\"accuracy\" is NaN"
    ),
    (
      #"{"kind":"pairs","scoring":"causal","phenomenon":"a","accuracy":0.5,"pairs":-1,"step":1}"#,
      "\"pairs\" is -1"
    ),
    (
      #"{"kind":"pairs","scoring":"causal","phenomenon":"a","accuracy":0.5,"pairs":1,"step":"1"}"#,
      "\"step\" is \"1\""
    ),
  ])
  func aDamagedLineIsNamed(line: String, problem: String) throws {
    let log = EvaluationLog(of: scratch.url)
    try log.append([record("a")])
    let first = try String(contentsOf: log.url, encoding: .utf8)
    try Data("\(first)\(line)\n\(first)".utf8).write(to: log.url)
    let found = #expect(throws: TextFileError.self) { try log.read() }
    let error = try #require(found)
    #expect("\(error)".contains("evaluations.jsonl, line 2: \(problem)") && !"\(error)".contains("\n"))
  }
}
