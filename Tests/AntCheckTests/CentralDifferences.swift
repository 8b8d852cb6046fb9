import AntDevice
import Testing

@testable import AntCheck

/// The numbers of one buffer on the reference, to be nudged one at a time.
struct Variable {
  let slice: BufferSlice
  let device: ReferenceDevice

  /// Standard normal numbers, or those of `values`.
  init(_ count: Int, seed: UInt64, _ values: Values = .normal(), on device: ReferenceDevice) {
    var generator = Generator(seed: seed)
    slice = device.makeBuffer(.float32, count: count)[...]
    self.device = device
    device.writeDoubles((0..<count).map { _ in Double(values.next(&generator)) }, to: slice)
  }

  func matrix(_ rows: Int, _ columns: Int) -> Matrix { Matrix(slice, rows: rows, columns: columns) }

  /// The derivative of `loss` by every element, by central differences of fourth order in double precision.
  func derivative(of loss: () -> Double) -> [Double] {
    let h = 1e-3
    let original = device.readDoubles(slice)
    return original.indices.map { index in
      func shifted(_ steps: Double) -> Double {
        var values = original
        values[index] += steps * h
        device.writeDoubles(values, to: slice)
        defer { device.writeDoubles(original, to: slice) }
        return loss()
      }
      return (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) / (12 * h)
    }
  }

  /// `sum of weights * element`: turns a tensor into a loss whose gradient is `weights`.
  func dot(_ weights: Variable) -> Double {
    zip(device.readDoubles(slice), device.readDoubles(weights.slice)).map(*).reduce(0, +)
  }
}

/// Analytic gradients agree with central differences to 1e-8 of their size: no float32 in the way.
func expectClose(
  _ analytic: [Double], _ numeric: [Double], tolerance: Double = 1e-8,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let size = max(numeric.map(abs).max() ?? 0, 1e-2)
  let error = zip(analytic, numeric).map { abs($0 - $1) }.max() ?? .infinity
  #expect(
    analytic.count == numeric.count && error <= tolerance * size, "off by \(error) at a size of \(size)",
    sourceLocation: sourceLocation)
}
