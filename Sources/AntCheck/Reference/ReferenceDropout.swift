import AntDevice

/// `y[i] = x[i] keep[i] / (1 - p) [+ residual[i]]`.
extension ReferenceDevice {
  func compute(_ operation: Dropout) {
    let kept = 1 / (1 - Double(operation.probability))
    for index in 0..<operation.count {
      let draw = operation.stream.uniform(operation.firstElement + UInt64(index))
      var y = draw >= operation.probability ? kept * operation.input.numbers[index] : .zero
      if let residual = operation.residual { y += residual.numbers[index] }
      operation.output.numbers[index] = y
    }
  }
}
