import AntRandom
import Foundation

extension RandomStream {
  /// Fills `values[range]` with draws from normal(0, deviation), by the method of Box and Muller (1958): the
  /// four words of Philox block n give elements 4n to 4n + 3 of the range, pair by pair
  ///
  ///     r = sqrt(-2 ln u1), r cos(2 pi u2), r sin(2 pi u2),   u1 in (0, 1], u2 in [0, 1)
  public func fillNormal(_ values: inout [Float], _ range: Range<Int>, deviation: Double) {
    values.withUnsafeMutableBufferPointer { values in
      for start in stride(from: 0, to: range.count, by: 4) {
        let words = block(UInt64(start / 4))
        for pair in [0, 2] {
          let u1 = Double(words[pair] >> 8 &+ 1) * 0x1p-24
          let u2 = Double(words[pair + 1] >> 8) * 0x1p-24
          let radius = deviation * (-2 * log(u1)).squareRoot()
          let element = range.lowerBound + start + pair
          if start + pair < range.count { values[element] = Float(radius * cos(2 * .pi * u2)) }
          if start + pair + 1 < range.count { values[element + 1] = Float(radius * sin(2 * .pi * u2)) }
        }
      }
    }
  }

  /// Fills `values[range]` with draws from normal(0, deviation) cut at two deviations. Draws beyond are drawn
  /// again, from blocks of their own, so that an element depends on its number alone.
  public func fillTruncatedNormal(_ values: inout [Float], _ range: Range<Int>, deviation: Double) {
    for start in stride(from: 0, to: range.count, by: 4) {
      var attempt: UInt64 = 0
      var missing = Array(0..<min(4, range.count - start))
      while !missing.isEmpty {
        let normals = normals(block(UInt64(start / 4) | attempt << 48))
        missing.removeAll { lane in
          guard abs(normals[lane]) <= 2 else { return false }
          values[range.lowerBound + start + lane] = Float(deviation * normals[lane])
          return true
        }
        attempt += 1
      }
    }
  }

  /// Four draws from normal(0, 1).
  private func normals(_ words: Philox.Block) -> [Double] {
    [0, 2].flatMap { pair in
      let u1 = Double(words[pair] >> 8 &+ 1) * 0x1p-24
      let u2 = Double(words[pair + 1] >> 8) * 0x1p-24
      let radius = (-2 * log(u1)).squareRoot()
      return [radius * cos(2 * .pi * u2), radius * sin(2 * .pi * u2)]
    }
  }
}
