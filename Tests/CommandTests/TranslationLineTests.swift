import Foundation
import Testing

/// Translating, and scoring translations, by the command line.
@Suite struct TranslationLineTests {
  private func expectRefusal(
    _ result: Terminal.Result, code: Int32 = 1, _ parts: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(!result.wasKilled && result.code == code, "\(result.errors)", sourceLocation: sourceLocation)
    #expect(result.message.hasPrefix("antlm: "), "\(result.errors)", sourceLocation: sourceLocation)
    #expect(!result.message.contains("\n"), "\(result.errors)", sourceLocation: sourceLocation)
    for part in parts {
      #expect(result.message.contains(part), "\(result.errors)", sourceLocation: sourceLocation)
    }
  }

  private func score(_ terminal: Terminal, _ hypotheses: String, _ references: String, _ more: String...)
    throws -> Terminal.Result
  {
    try terminal.antlm(
      ["eval", "translation", "--hypotheses", hypotheses, "--references", references] + more)
  }

  /// a b x d e against a b c d e, see TranslationScoreTests; and a line left blank, which counts.
  @Test func scoresFiles() throws {
    let terminal = Terminal()
    try terminal.write(Data("a b x d e\n\n".utf8), to: "out")
    try terminal.write(Data("a b c d e\nf\n".utf8), to: "reference")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(score(terminal, "out", "reference", "--json").output.utf8))
        as? [String: Any])
    let expected = 100 * pow(0.8 * 0.5 / 6 / 8, 0.25) * exp(1 - 6.0 / 5)
    #expect(abs(try #require(object["bleu"] as? Double) - expected) < 1e-9)
    #expect(object["sentences"] as? Int == 2)
    let line = try score(terminal, "out", "reference").output
    #expect(
      line.hasPrefix("BLEU \(String(format: "%.2f", expected)) (80.0/50.0/0.0/0.0, brevity 0.819)  chrF "))
  }

  @Test func refusesFilesThatDoNotCorrespond() throws {
    let terminal = Terminal()
    let files: [String: Data] = [
      "two": Data("a\nb\n".utf8), "three": Data("a\nb\nc".utf8), "blank": Data("a\n \n".utf8),
      "empty": Data(),
      "latin1": Data([97, 10, 233, 10]), "binary": Data([97, 0, 10]),
    ]
    for (name, data) in files { try terminal.write(data, to: name) }
    expectRefusal(try score(terminal, "two", "three"), "two has 2 lines and three 3")
    expectRefusal(try score(terminal, "two", "blank"), "blank, line 2")
    expectRefusal(try score(terminal, "latin1", "two"), "latin1, line 2", "UTF-8")
    for name in ["empty", "binary", "missing"] { expectRefusal(try score(terminal, name, "two"), name) }
    #expect(try score(terminal, "blank", "two").code == 0)
  }

  @Test func judgesWhatIsGenerated() throws {
    let terminal = Terminal()
    try terminal.prepare()
    #expect(try terminal.antlm(terminal.training("run", schedule: "2s_CLM")).code == 0)
    try terminal.write(Data("The dog\n\nA cat sees\n".utf8), to: "prompts")
    let arguments = ["eval", "generate", "run", "--prompts", "prompts", "--count", "3", "--device", "cpu"]
    let json = try terminal.antlm(arguments + ["--tokens", "9", "--json"])
    #expect(json.code == 0, "\(json.errors)")
    let objects = try json.lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(objects.map { $0["texts"] as? Int } == [3, 3, 6])
    #expect(objects.map { $0["prompt"] as? String } == ["The dog", "A cat sees", nil])
    let perplexities = objects.compactMap { $0["perplexity"] as? Double }
    #expect(perplexities.count == 3 && perplexities.allSatisfy { $0 > 1 && $0 < 1000 })
    #expect((objects[0]["continuations"] as? [String])?.count == 3)
    #expect(try terminal.antlm(arguments + ["--tokens", "9", "--json"]).output == json.output)
    // Without --prompts and --tokens: what the model has room for.
    let table = try terminal.antlm("eval", "generate", "run", "--count", "1", "--device", "cpu")
    #expect(table.code == 0 && table.lines.count == 12 && table.output.contains("self-BLEU"))
    expectRefusal(
      try terminal.antlm(arguments + ["--tokens", "48"]), "prompts, line 1", "48 positions", "--tokens")
    expectRefusal(try terminal.antlm(arguments + ["--count", "0"]), code: 2, "--count")
    expectRefusal(try terminal.antlm(arguments + ["--temperature=-1"]), code: 2, "--temperature")
  }
}
