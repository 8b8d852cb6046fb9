import Device

/// `C = A' B' [+ C] [+ bias] [+ residual]`, a dot product an element.
extension ReferenceDevice {
  public func matmul(_ operation: Matmul) {
    for batch in 0..<operation.batch {
      guard operation.m > 0, operation.n > 0 else { return }
      let c = operation.c.reference(skipping: batch * operation.batchStrideC)
      let residual = operation.residual?.reference(skipping: batch * operation.batchStrideC)
      for row in 0..<operation.m {
        for column in 0..<operation.n {
          var sum = dotProduct(operation, batch: batch, row: row, column: column)
          if operation.accumulate { sum += c[row, column] }
          if let bias = operation.bias { sum += bias.numbers[column] }
          if let residual { sum += residual[row, column] }
          c[row, column] = sum
        }
      }
    }
  }

  private func dotProduct(_ operation: Matmul, batch: Int, row: Int, column: Int) -> Measured {
    guard operation.k > 0 else { return .zero }
    let aStep = operation.transposeA ? operation.a.stride : 1
    let bStep = operation.transposeB ? 1 : operation.b.stride
    let a =
      operation.a.storage.numbers + batch * operation.batchStrideA
      + row * (operation.transposeA ? 1 : operation.a.stride)
    let b =
      operation.b.storage.numbers + batch * operation.batchStrideB
      + column * (operation.transposeB ? operation.b.stride : 1)
    var sum = Measured.zero
    for index in 0..<operation.k { sum += a[index * aStep] * b[index * bStep] }
    return sum
  }
}
