import AntDevice

extension ReferenceDevice {
  public func elementwise(_ operation: Fill) {
    for index in 0..<operation.output.count { operation.output.numbers[index] = Measured(operation.value) }
  }

  public func elementwise(_ operation: Copy) {
    guard operation.input.columns > 0, operation.input.rows > 0 else { return }
    let (input, output) = (operation.input.reference(), operation.output.reference())
    for row in 0..<operation.input.rows {
      for column in 0..<operation.input.columns { output[row, column] = input[row, column] }
    }
  }

  public func elementwise(_ operation: Add) {
    for index in 0..<operation.count {
      operation.output.numbers[index] = operation.a.numbers[index] + operation.b.numbers[index]
    }
  }

  public func elementwise(_ operation: Scale) {
    for index in 0..<operation.count {
      operation.output.numbers[index] = Double(operation.factor) * operation.input.numbers[index]
    }
  }

  public func elementwise(_ operation: Blend) {
    let weight = Double(operation.weight)
    for index in 0..<operation.count {
      let old = operation.output.numbers[index]
      operation.output.numbers[index] = old + weight * (operation.input.numbers[index] - old)
    }
  }

  public func elementwise(_ operation: Exchange) {
    for index in 0..<operation.count {
      let was = operation.a.numbers[index]
      operation.a.numbers[index] = operation.b.numbers[index]
      operation.b.numbers[index] = was
    }
  }
}
