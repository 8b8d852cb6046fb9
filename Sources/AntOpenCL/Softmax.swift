import AntDevice

extension OpenCLDevice {
  public func softmax(_ operation: Softmax) {
    let (rows, columns) = (operation.input.rows, operation.input.columns)
    launchRows(
      "softmax", "softmax", rows: rows, columns: columns, bytes: 8 * Double(rows * columns),
      KernelArgument.matrix(operation.input) + KernelArgument.matrix(operation.output)
        + [.int(rows), .int(columns), .float(operation.scale)])
  }

  public func softmax(_ operation: SoftmaxBackward) {
    let (rows, columns) = (operation.output.rows, operation.output.columns)
    launchRows(
      "softmax", "softmax_backward", rows: rows, columns: columns, bytes: 12 * Double(rows * columns),
      KernelArgument.matrix(operation.output) + KernelArgument.matrix(operation.outputGradient)
        + KernelArgument.matrix(operation.inputGradient)
        + [.int(rows), .int(columns), .float(operation.scale)])
  }
}
