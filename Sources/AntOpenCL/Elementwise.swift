import AntDevice

extension OpenCLDevice {
  public func elementwise(_ operation: Fill) {
    let count = operation.output.count
    launchElements(
      "elementwise", "fill", count: count, bytes: 4 * Double(count),
      [.slice(operation.output), .long(count), .float(operation.value)])
  }

  public func elementwise(_ operation: Copy) {
    let (rows, columns) = (operation.input.rows, operation.input.columns)
    launchRows(
      "elementwise", "copy", rows: rows, columns: columns, bytes: 8 * Double(rows * columns),
      KernelArgument.matrix(operation.input) + KernelArgument.matrix(operation.output)
        + [.int(rows), .int(columns)])
  }

  public func elementwise(_ operation: Add) {
    launchElements(
      "elementwise", "add", count: operation.count, operations: Double(operation.count),
      bytes: 12 * Double(operation.count),
      [.slice(operation.a), .slice(operation.b), .slice(operation.output), .long(operation.count)])
  }

  public func elementwise(_ operation: Scale) {
    launchElements(
      "elementwise", "scale", count: operation.count, operations: Double(operation.count),
      bytes: 8 * Double(operation.count),
      [.slice(operation.input), .float(operation.factor), .slice(operation.output), .long(operation.count)])
  }

  public func elementwise(_ operation: Blend) {
    launchElements(
      "elementwise", "blend", count: operation.count, operations: 3 * Double(operation.count),
      bytes: 12 * Double(operation.count),
      [.slice(operation.input), .float(operation.weight), .slice(operation.output), .long(operation.count)])
  }

  public func elementwise(_ operation: Exchange) {
    launchElements(
      "elementwise", "exchange", count: operation.count, bytes: 16 * Double(operation.count),
      [.slice(operation.a), .slice(operation.b), .long(operation.count)])
  }
}
