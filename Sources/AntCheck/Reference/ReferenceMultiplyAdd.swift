import AntDevice

/// `x <- factor x + term`, many times.
extension ReferenceDevice {
  public func multiplyAdd(_ operation: MultiplyAdd) {
    for index in 0..<operation.count {
      var x = operation.input.numbers[index]
      for _ in 0..<operation.steps { x = Double(operation.factor) * x + Measured(operation.term) }
      operation.output.numbers[index] = x
    }
  }
}
