import AntDevice
import Foundation

/// `C = A' B' [+ C] [+ bias] [+ residual]`, a dot product an element, operands rounded beforehand.
extension ReferenceDevice {
  func compute(_ operation: Matmul) {
    for batch in 0..<operation.batch {
      guard operation.m > 0, operation.n > 0 else { return }
      let c = operation.c.reference(skipping: batch * operation.batchStrideC)
      let residual = operation.residual?.reference(skipping: batch * operation.batchStrideC)
      let rows = operation.leftRows(batch: batch)
      let columns = operation.rightColumns(batch: batch)
      for row in 0..<operation.m {
        for column in 0..<operation.n {
          var sum = dotProduct(
            rows, row * operation.k, columns, column * operation.k, count: operation.k)
          if operation.accumulate { sum += c[row, column] }
          if let bias = operation.bias { sum += bias.numbers[column] }
          if let residual { sum += residual[row, column] }
          c[row, column] = sum
        }
      }
    }
  }

  private func dotProduct(
    _ a: [Measured], _ firstA: Int, _ b: [Measured], _ firstB: Int, count: Int
  ) -> Measured {
    var sum = Measured.zero
    for index in 0..<count { sum += a[firstA + index] * b[firstB + index] }
    return sum
  }
}

extension Matmul {
  /// A' row by row, rounded.
  fileprivate func leftRows(batch: Int) -> [Measured] {
    guard k > 0 else { return [] }
    let numbers = a.storage.numbers + batch * batchStrideA
    let (rowStep, step) = transposeA ? (1, a.stride) : (a.stride, 1)
    return (0..<m * k).map { precision.rounded(numbers[$0 / k * rowStep + $0 % k * step]) }
  }

  /// B' column by column, rounded.
  fileprivate func rightColumns(batch: Int) -> [Measured] {
    guard k > 0 else { return [] }
    let numbers = b.storage.numbers + batch * batchStrideB
    let (columnStep, step) = transposeB ? (b.stride, 1) : (1, b.stride)
    return (0..<n * k).map { precision.rounded(numbers[$0 / k * columnStep + $0 % k * step]) }
  }
}

extension Precision {
  /// Bits of the mantissa and the rule that drops the others; nil where none is dropped.
  private var rounding: (bits: Int, rule: FloatingPointRoundingRule)? {
    switch self {
    case .float32: nil
    case .tf32: (10, .toNearestOrAwayFromZero)
    case .bfloat16: (7, .toNearestOrEven)
    }
  }

  /// From the definition, on numbers rather than bits: what lies below 2^-126 has the spacing of what lies
  /// above.
  func rounded(_ x: Double) -> Double {
    guard let (bits, rule) = rounding, x.isFinite, x != 0 else { return x }
    let spacing = max(Int(x.exponent), -126) - bits
    return scalbn(scalbn(x, -spacing).rounded(rule), spacing)
  }

  func rounded(_ x: Measured) -> Measured {
    self == .float32 ? x : Measured(value: rounded(x.value), magnitude: rounded(x.magnitude))
  }
}
