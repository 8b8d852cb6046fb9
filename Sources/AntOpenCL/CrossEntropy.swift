import AntDevice

extension OpenCLDevice {
  public func crossEntropy(_ operation: CrossEntropy) {
    let (rows, columns) = (operation.logits.rows, operation.logits.columns)
    launchRows(
      "crossEntropy", "cross_entropy", rows: rows, columns: columns,
      bytes: (operation.gradient == nil ? 4 : 8) * Double(rows * columns),
      KernelArgument.matrix(operation.logits) + [.slice(operation.labels), .slice(operation.losses)]
        + KernelArgument.matrix(operation.gradient)
        + [
          .slice(operation.weights), .int(rows), .int(columns), .float(operation.scale),
          .float(operation.zLoss),
          .int(operation.gradient == nil ? 0 : 1), .int(operation.weights == nil ? 0 : 1),
        ])
  }
}
