import AntDevice
import Foundation
import Testing

@testable import AntCheck

@Suite struct ReportTests {
  @Test func aPassingReportSaysSo() throws {
    let report = try Conformance.run(on: ReferenceDevice(), families: ["rotary"], suite: .quick)
    #expect(report.verdict == "Reference in double precision: correct in all \(report.cases) cases")
    let lines = report.table.split(separator: "\n")
    #expect(lines[0].hasPrefix("operation") && lines[0].contains("worst relative error"))
    #expect(lines.count == 2 + report.operations.count + 1)
    #expect(lines.last.map(String.init) == report.verdict)
  }

  @Test func aFailingReportNamesCaseAndElement() throws {
    let device = FaultyDevice(.wrongElement)
    let report = try Conformance.run(on: device, families: ["softmax"], suite: .quick)
    #expect(report.verdict.contains("WRONG in"))
    let failure = try #require(report.operations.first?.firstFailure)
    #expect(report.table.contains(failure.description))
    #expect(failure.index != nil)
  }

  /// Errors that are not finite have no number in JSON: the report leaves them out.
  @Test func reportsSurviveJSON() throws {
    for fault in [FaultyDevice.Fault.none, .notANumber] {
      let report = try Conformance.run(
        on: FaultyDevice(fault), families: ["rotary"], suite: .quick)
      let decoded = try JSONDecoder().decode(
        ConformanceReport.self, from: JSONEncoder().encode(report))
      #expect(decoded == report)
      #expect(decoded.passed == (fault == .none))
    }
  }

  @Test func progressCoversEveryCase() throws {
    var seen: [Int] = []
    let report = try Conformance.run(on: ReferenceDevice(), families: ["dropout"], suite: .quick) {
      seen.append($0.finished)
      #expect($0.failure == nil && !$0.name.isEmpty)
    }
    #expect(seen == Array(1...report.cases))
  }

  @Test func anUnknownFamilyIsRefused() {
    #expect(throws: ConformanceError.unknownFamily("matmull")) {
      try Conformance.run(on: ReferenceDevice(), families: ["matmull"])
    }
    #expect(ConformanceError.unknownFamily("x").description.contains("crossEntropy"))
  }

  @Test func nothingCheckedIsNotAPass() {
    let report = Conformance.run([], on: ReferenceDevice(), suite: .quick)
    #expect(!report.passed)
    #expect(report.verdict.contains("nothing was checked"))
  }
}
