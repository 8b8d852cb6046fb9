import AntDevice
import Foundation

/// What was wrong in the first case of an operation that failed.
public struct ConformanceFailure: Codable, Sendable, Equatable, CustomStringConvertible {
  /// Operation and shape.
  public var name: String
  /// Which operand, or "the device".
  public var operand: String
  /// What was expected and seen.
  public var text: String
  /// The first bad element, counted from the operand's first; negative in the guard words before it.
  public var index: Int?

  public var description: String {
    "\(name): \(operand)\(index.map { "[\($0)]" } ?? ""): \(text)"
  }

  /// A failure before it knows its case.
  struct Finding {
    var operand: String
    var text: String
    var index: Int?

    init(_ operand: String, _ text: String, index: Int? = nil, of layout: Layout? = nil) {
      self.operand = operand
      self.index = index
      if let layout, let index, layout.rows > 1, layout.columns > 0 {
        self.text = "row \(index / layout.columns), column \(index % layout.columns): \(text)"
      } else {
        self.text = text
      }
    }
  }

  init(case name: String, _ finding: Finding) {
    self.name = name
    operand = finding.operand
    text = finding.text
    index = finding.index
  }
}

/// How a device did, operation by operation.
public struct ConformanceReport: Codable, Sendable, Equatable {
  public struct Operation: Codable, Sendable, Equatable {
    public var family: String
    public var operation: String
    public var cases = 0
    public var passed = 0
    /// The largest error, relative to the size of what was summed; nil where something was not finite.
    public var worstRelativeError: Double? = 0
    public var firstFailure: ConformanceFailure?
  }

  public var device: DeviceInfo
  public var suite: Conformance.Suite
  public var operations: [Operation] = []

  init(device: DeviceInfo, suite: Conformance.Suite) {
    self.device = device
    self.suite = suite
  }

  public var cases: Int { operations.reduce(0) { $0 + $1.cases } }
  public var passedCases: Int { operations.reduce(0) { $0 + $1.passed } }
  /// Whether there were cases and every one of them passed.
  public var passed: Bool { cases > 0 && passedCases == cases }

  mutating func add(_ verdict: ConformanceCase.Verdict, of conformanceCase: ConformanceCase) {
    let known = operations.firstIndex {
      $0.family == conformanceCase.family && $0.operation == conformanceCase.operation
    }
    if known == nil {
      operations.append(
        Operation(family: conformanceCase.family, operation: conformanceCase.operation))
    }
    let index = known ?? operations.count - 1
    operations[index].cases += 1
    if verdict.failure == nil { operations[index].passed += 1 }
    operations[index].firstFailure = operations[index].firstFailure ?? verdict.failure
    operations[index].worstRelativeError =
      verdict.worstError.isFinite
      ? operations[index].worstRelativeError.map { max($0, verdict.worstError) } : nil
  }

  /// "operation | device | cases | worst relative error | verdict", and a last line for all.
  public var table: String {
    let header = ["operation", "device", "cases", "worst relative error", "verdict"]
    let rows = operations.map { operation in
      [
        operation.operation, device.identifier, "\(operation.passed)/\(operation.cases)",
        operation.worstRelativeError.map { String(format: "%.1e", $0) } ?? "not finite",
        operation.passed == operation.cases ? "ok" : "FAILED",
      ]
    }
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max()! }
    func line(_ cells: [String]) -> String {
      zip(cells, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
        .joined(separator: " | ")
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "-|-")
    let failures = operations.compactMap(\.firstFailure).map { "  \($0)" }
    return ([line(header), rule] + rows.map(line) + failures + [verdict]).joined(separator: "\n")
  }

  /// One line: whether the device computes correctly.
  public var verdict: String {
    if cases == 0 { return "\(device.name): nothing was checked" }
    let failed = operations.filter { $0.passed < $0.cases }.map(\.operation)
    return failed.isEmpty
      ? "\(device.name): correct in all \(cases) cases"
      : "\(device.name): WRONG in \(cases - passedCases) of \(cases) cases: \(failed.joined(separator: ", "))"
  }
}
