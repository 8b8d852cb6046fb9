import Foundation

/// Results held against the reference by the bounds of ``Conformance``.
struct Comparison {
  /// Errors this small are none: a device may take what is smaller than 2^-126 for zero, on the way as well,
  /// and then multiply by some size.
  static let underflow = 1e-30

  /// `||out - ref|| / max(||ref||, s)` over the finite elements; infinite where one should be and is not.
  private(set) var error = 0.0
  private(set) var fault: (index: Int, text: String)?

  /// - Parameter tolerance: zero asks for the very float nearest to the reference.
  init(seen: [Float], expected: [Measured], tolerance: Double) {
    var difference = 0.0
    var size = 0.0
    var magnitude = 0.0
    var count = 0.0
    var largest = (index: 0, value: 0.0)
    for (index, (out, reference)) in zip(seen, expected).enumerated() {
      let rounded = Float(reference.value)
      let isEqual = out == rounded || out.isNaN && rounded.isNaN
      if !isEqual && (tolerance == 0 || !rounded.isFinite || !out.isFinite || reference.magnitude == 0) {
        error = .infinity
        fault = (index, "expected exactly \(rounded), saw \(out)")
        return
      }
      guard rounded.isFinite else { continue }
      let error = abs(Double(out) - reference.value)
      let gap = error < Self.underflow ? 0 : error
      difference += gap * gap
      size += reference.value * reference.value
      magnitude += reference.magnitude * reference.magnitude
      count += 1
      if gap > largest.value { largest = (index, gap) }
    }
    let scale = max(size, magnitude).squareRoot()
    guard scale > 0, tolerance > 0 else { return }
    error = difference.squareRoot() / scale
    let elementBound = 20 * tolerance * scale / count.squareRoot()
    if largest.value > elementBound || error > tolerance {
      // Where no single element is out of bounds, the worst one stands for all.
      let bad =
        seen.indices.first { abs(Double(seen[$0]) - expected[$0].value) > elementBound } ?? largest.index
      fault = (
        bad,
        String(
          format: "expected %.9g, saw %.9g (an element may be off by %.2g); all together off by %.2g of "
            + "their size, %.0e allowed", expected[bad].value, Double(seen[bad]), elementBound, error,
          tolerance)
      )
    }
  }
}
