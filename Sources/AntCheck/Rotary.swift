import AntDevice
import Foundation

/// Rotary embedding, forth and back, at positions in no order.
extension Conformance {
  static func rotaryCases() -> [ConformanceCase] {
    let dimensions = [2, 6, 8, 16, 32, 64, 80, 128]
    return (awkwardSizes + [300]).enumerated().flatMap { index, rows in
      [false, true].map { inverse in
        rotary(
          rows: rows, heads: 1 + index % 4, dimension: dimensions[index % dimensions.count], gap: index % 3,
          inverse: inverse)
      }
    }
  }

  private static func rotary(rows: Int, heads: Int, dimension: Int, gap: Int, inverse: Bool)
    -> ConformanceCase
  {
    let width = heads * dimension
    return ConformanceCase(
      "rotary", inverse ? "rotary inverse" : "rotary", "\(rows) x \(heads) heads of \(dimension)",
      quick: isQuick((rows, width))
    ) { bench in
      let length = 2 * rows
      let angles = (0..<length).flatMap { position in
        (0..<dimension / 2).map { Double(position) * pow(10_000, -2 * Double($0) / Double(dimension)) }
      }
      let half = dimension / 2
      let table = (0..<length).flatMap { position in
        let row = angles[position * half..<(position + 1) * half]
        return row.map { Float(cos($0)) } + row.map { Float(sin($0)) }
      }
      let positions = (0..<rows).map { _ in Int32(bench.generator.integer(0..<length)) }
      bench.device.rotary(
        Rotary(
          bench.updated("x", rows, width, stride: width + 2 * gap), headDimension: dimension,
          positions: bench.input("positions", positions),
          table: Matrix(bench.input("table", table), rows: length, columns: dimension), inverse: inverse))
    }
  }
}
