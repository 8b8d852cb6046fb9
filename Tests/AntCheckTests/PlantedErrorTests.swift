import AntDevice
import Testing

@testable import AntCheck

/// The suite sees each kind of error in every family, and names what it saw.
@Suite struct PlantedErrorTests {
  /// The first quick cases of every operation, so that no family is left unguarded. An element that is not a
  /// number stays one whatever is done to it: cases about those see other faults.
  private static func cases(of family: String, count: Int = 12) -> [ConformanceCase] {
    let all = Conformance.cases(families: [family], suite: .quick)
      .filter { !$0.shape.hasSuffix("with a NaN") }
    return Dictionary(grouping: all, by: \.operation).values.flatMap { $0.prefix(count) }
  }

  private static func report(_ fault: FaultyDevice.Fault, family: String, count: Int = 12)
    -> ConformanceReport
  {
    Conformance.run(
      cases(of: family, count: count), on: FaultyDevice(fault), suite: .quick)
  }

  @Test(arguments: Conformance.families)
  func aWorkingDevicePasses(family: String) {
    let report = Self.report(.none, family: family)
    #expect(report.passed, "\(report.table)")
  }

  /// What every fault that shows everywhere is called in the report.
  private static let everywhere: [(FaultyDevice.Fault, String)] = [
    (.wrongElement, "expected"), (.unwrittenTail, "saw nan"), (.notANumber, "saw nan"),
    (.overrun, "guard word"), (.underrun, "guard word"), (.failure, "enqueue failed with -5"),
  ]

  @Test(arguments: Conformance.families)
  func faultsAreCaughtInEveryOperation(family: String) throws {
    for (fault, words) in Self.everywhere {
      let report = Self.report(fault, family: family, count: 5)
      #expect(!report.passed)
      for operation in report.operations {
        let failure = try #require(operation.firstFailure, "\(fault) in \(operation.operation)")
        #expect(failure.text.contains(words), "\(fault): \(failure)")
      }
    }
  }

  @Test(arguments: Conformance.families)
  func everyCaseCatchesAWrongElement(family: String) {
    // A tenth more of not-a-number is no error, and beside 10,000 a tenth is rounding.
    let cases = Self.cases(of: family).filter {
      $0.operation != "gradient control" && !$0.shape.hasSuffix("far")
    }
    let report = Conformance.run(
      cases, on: FaultyDevice(.wrongElement), suite: .quick)
    #expect(report.cases > 0 && report.passedCases == 0, "\(report.table)")
  }

  @Test(arguments: Conformance.families.filter { $0 != "optimizer" && $0 != "elementwise" })
  func aRaceIsCaught(family: String) {
    let report = Self.report(.race, family: family)
    for operation in report.operations {
      #expect(operation.passed < operation.cases, "\(operation.operation)")
    }
  }

  @Test(arguments: ["matmul", "softmax", "attention", "normalization", "activation", "rotary", "embedding"])
  func aChangedInputIsCaught(family: String) throws {
    let report = Self.report(.changedInput, family: family)
    for operation in report.operations {
      #expect(operation.passed < operation.cases, "\(operation.operation)")
    }
  }

  @Test(arguments: ["matmul", "softmax", "attention", "normalization", "rotary", "embedding"])
  func whatLiesBetweenRowsIsGuarded(family: String) {
    let report = Self.report(.gap, family: family)
    for operation in report.operations where !operation.operation.contains("batched") {
      let failure = operation.firstFailure
      #expect(failure?.text.contains("guard word") == true, "\(operation.operation)")
    }
  }

  /// A key too many at the end of every interval: the mask off by one.
  @Test func aMaskOffByOneIsCaught() {
    let report = Conformance.run(
      Self.cases(of: "attention").filter { $0.shape.contains("causal") || $0.shape.contains("padding") },
      on: FaultyDevice(.leak), suite: .quick)
    for operation in report.operations {
      #expect(operation.passed < operation.cases, "\(operation.operation)")
    }
  }

  /// Every draw taken from its neighbour.
  @Test func aShiftedDropoutMaskIsCaught() {
    let dropping = Conformance.cases(families: ["dropout"], suite: .quick)
      .filter { !$0.shape.contains("p 0.0 ") && $0.shape.hasPrefix("12") }
    let report = Conformance.run(
      dropping, on: FaultyDevice(.shiftedMask), suite: .quick)
    #expect(report.cases > 3)
    #expect(report.passedCases == 0, "\(report.table)")
  }

  /// Operands left as they are, and operands rounded to another precision: each shows in sums of any length.
  @Test(arguments: [FaultyDevice.Fault.unrounded, .roundedOtherwise])
  func aForgottenRoundingIsCaught(_ fault: FaultyDevice.Fault) {
    let rounding = Conformance.cases(families: ["matmul", "attention"])
      .filter { $0.operation.hasSuffix("rounding") }
    #expect(
      Set(rounding.map(\.operation)) == [
        "matmul tf32 rounding", "matmul bfloat16 rounding", "attention tf32 rounding",
        "attention bfloat16 rounding",
      ])
    let report = Conformance.run(rounding, on: FaultyDevice(fault), suite: .full)
    #expect(report.cases == rounding.count && report.passedCases == 0, "\(report.table)")
  }

  @Test func aCaseWithoutOutputsFails() {
    let idle = ConformanceCase("matmul", "matmul", "idle") { bench in _ = bench.input("A", 3) }
    #expect(idle.judge(ReferenceDevice()).failure?.text == "has no output to check")
  }
}
