import AntDevice
import AntRandom

/// Dropout: the reference's mask element for element, wherever in the stream it begins.
extension Conformance {
  static func dropoutCases() -> [ConformanceCase] {
    // Not on a block's boundary, and where the block index outgrows 32 bits in the middle.
    let beginnings: [UInt64] = [0, 1, 2, 3, 4, 1027, (1 << 34) - 6]
    return lengths.enumerated().flatMap { index, count in
      [
        dropout(count, 0.1, from: beginnings[index % beginnings.count], .apart),
        dropout(count, 0.5, from: beginnings[(index + 1) % beginnings.count], .apart),
        dropout(count, 0.9, from: beginnings[(index + 2) % beginnings.count], .inPlace),
        dropout(count, 0, from: beginnings[(index + 3) % beginnings.count], .apart),
        dropout(count, 0.3, from: beginnings[(index + 4) % beginnings.count], .residual),
        dropout(count, 0.3, from: beginnings[(index + 5) % beginnings.count], .intoResidual),
        dropout(count, 0.15, from: beginnings[(index + 6) % beginnings.count], .inPlace),
      ]
    }
  }

  private enum Place: String { case apart, inPlace, residual, intoResidual }

  private static func dropout(_ count: Int, _ probability: Float, from first: UInt64, _ place: Place)
    -> ConformanceCase
  {
    ConformanceCase(
      "dropout", "dropout", "\(count) p \(probability) from \(first) \(place)", quick: count <= 1000
    ) { bench in
      // Nothing near zero, so that a draw too many or too few cannot hide in the tolerance.
      let x =
        place == .inPlace ? bench.updated("x", count, .sizeable) : bench.input("x", count, .sizeable)
      let residual: BufferSlice? =
        switch place {
        case .apart, .inPlace: nil
        case .residual: bench.input("residual", count)
        case .intoResidual: bench.updated("residual", count)
        }
      let output: BufferSlice? =
        switch place {
        case .apart, .residual: bench.output("y", count)
        case .inPlace: x
        case .intoResidual: residual
        }
      let stream = RandomStream(
        seed: 0x1234_5678_9ABC_DEF0 &+ UInt64(count), purpose: .sampling, layer: count % 5, step: 77)
      bench.device.dropout(
        Dropout(
          x, probability: probability, stream: stream, firstElement: first, residual: residual,
          into: output ?? x))
    }
  }
}
