import Testing

@testable import AntCheck

/// The bounds themselves, on numbers small enough to follow.
@Suite struct ComparisonTests {
  private let ones = [Measured](repeating: Measured(1.0), count: 100)

  @Test func roundingPasses() {
    let seen = [Float](repeating: 1.000001, count: 100)
    let comparison = Comparison(seen: seen, expected: ones, tolerance: 1e-5)
    #expect(comparison.fault == nil)
    #expect(abs(comparison.error - 1e-6) < 1e-7)
  }

  @Test func aBiasOverTheToleranceFails() {
    let seen = [Float](repeating: 1.00002, count: 100)
    #expect(Comparison(seen: seen, expected: ones, tolerance: 1e-5).fault != nil)
  }

  /// One element among many is lost in a norm; its own bound finds it.
  @Test func oneElementFails() {
    var seen = [Float](repeating: 1, count: 100_000)
    seen[777] = 1.0003
    let comparison = Comparison(
      seen: seen, expected: [Measured](repeating: Measured(1.0), count: seen.count), tolerance: 1e-5)
    #expect(comparison.error < 1e-5)
    #expect(comparison.fault?.index == 777)
  }

  /// What is left of terms that cancel is judged by the terms.
  @Test func cancellationIsForgiven() {
    let expected = [Measured(1.0) - Measured(0.999999)]
    #expect(Comparison(seen: [0], expected: expected, tolerance: 1e-5).fault == nil)
    #expect(Comparison(seen: [0], expected: expected.map(\.exact), tolerance: 1e-5).fault != nil)
  }

  @Test func whatHasNoTermsIsZero() {
    #expect(
      Comparison(seen: [1e-30, 1], expected: [.zero, Measured(1.0)], tolerance: 1e-5).fault?.index == 0)
  }

  @Test func underflowIsForgiven() {
    #expect(Comparison(seen: [0], expected: [Measured(-2.4e-38)], tolerance: 1e-5).fault == nil)
    #expect(Comparison(seen: [0], expected: [Measured(1e-29)], tolerance: 1e-5).fault != nil)
  }

  @Test func infinitiesMustAgree() {
    let expected = [Measured(-Double.infinity), Measured(1.0)]
    #expect(Comparison(seen: [-.infinity, 1], expected: expected, tolerance: 1e-5).fault == nil)
    #expect(Comparison(seen: [-1e38, 1], expected: expected, tolerance: 1e-5).fault?.index == 0)
    #expect(Comparison(seen: [-.infinity, .nan], expected: expected, tolerance: 1e-5).fault?.index == 1)
  }

  @Test func exactMeansExact() {
    let expected = [Measured(0.1)]
    #expect(Comparison(seen: [0.1], expected: expected, tolerance: 0).fault == nil)
    #expect(Comparison(seen: [Float(0.1).nextUp], expected: expected, tolerance: 0).fault != nil)
  }
}
