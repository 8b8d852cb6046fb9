import Testing

@testable import AntCheck

@Suite struct SuiteTests {
  @Test func everyCaseHasItsOwnName() {
    let names = Conformance.cases().map(\.name)
    let repeated = Dictionary(grouping: names, by: { $0 }).filter { $1.count > 1 }.keys.sorted()
    #expect(repeated == [])
  }

  /// What is rounded to float32 once passes; and where the suite itself reads not-a-number, it shows here.
  @Test(arguments: Conformance.families)
  func theReferencePassesItsOwnSuite(family: String) throws {
    let report = try Conformance.run(on: ReferenceDevice(), families: [family], suite: .quick)
    #expect(report.passed, "\(report.table)")
    #expect(report.operations.allSatisfy { $0.cases > 0 && $0.family == family })
    #expect(report.operations.allSatisfy { ($0.worstRelativeError ?? 1) < 1.2e-7 })
  }
}
