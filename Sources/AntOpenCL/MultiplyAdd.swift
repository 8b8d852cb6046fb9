import AntDevice

extension OpenCLDevice {
  public func multiplyAdd(_ operation: MultiplyAdd) {
    let count = operation.count
    launchElements(
      "multiplyAdd", "multiply_add", count: count, operations: 2 * Double(count) * Double(operation.steps),
      bytes: 8 * Double(count),
      [
        .slice(operation.input), .slice(operation.output), .long(count), .float(operation.factor),
        .float(operation.term), .int(operation.steps),
      ])
  }
}
