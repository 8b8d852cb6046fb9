import AntCPU
import AntRandom
import Testing

/// A generator for test data, the same numbers every time.
struct Numbers {
  var stream = RandomStream(seed: 7, purpose: .sampling)
  var index: UInt64 = 0

  /// `count` floats, uniform in -scale ... scale.
  mutating func floats(_ count: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { _ in
      index += 1
      return (2 * stream.uniform(index) - 1) * scale
    }
  }
}

/// Runs `body` on devices of 1, 2 and 4 threads, expects the same bits from each, and returns them.
func onEveryThreadCount(
  _ body: (CPUDevice) throws -> [[Float]], sourceLocation: SourceLocation = #_sourceLocation
) throws -> [[Float]] {
  let results = try [1, 2, 4].map { try body(CPUDevice(threads: $0)) }
  for other in results[1...] {
    for (a, b) in zip(results[0], other) {
      #expect(a.map(\.bitPattern) == b.map(\.bitPattern), sourceLocation: sourceLocation)
    }
  }
  return results[0]
}

/// Expects `values` within the conformance bound of `expected`: 1e-5 in the norm, 20 times that of the root mean
/// square in any element.
func expectClose(
  _ values: [Float], _ expected: [Double], tolerance: Double = 1e-5,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(values.count == expected.count, sourceLocation: sourceLocation)
  let norm = expected.reduce(0) { $0 + $1 * $1 }.squareRoot()
  let rms = norm / Double(max(1, expected.count)).squareRoot()
  var squares = 0.0
  var largest = 0.0
  for (value, expected) in zip(values, expected) {
    let error = abs(Double(value) - expected)
    squares += error * error
    largest = error.isNaN ? .nan : max(largest, error)
  }
  #expect(squares.squareRoot() <= tolerance * norm, sourceLocation: sourceLocation)
  #expect(largest <= 20 * tolerance * rms, sourceLocation: sourceLocation)
}

/// Sum of `f(i)` in double precision.
func sum(_ range: Range<Int>, _ f: (Int) -> Double) -> Double { range.reduce(0) { $0 + f($1) } }

func doubles(_ values: [Float]) -> [Double] { values.map(Double.init) }

/// The derivative of `f` at `x`, by central differences.
func derivative(_ x: Double, _ f: (Double) -> Double) -> Double { (f(x + 1e-5) - f(x - 1e-5)) / 2e-5 }
