import AntDevice

extension OpenCLDevice {
  public func embedding(_ operation: Embedding) {
    let (rows, columns) = (operation.output.rows, operation.output.columns)
    launchRows(
      "embedding", "gather_rows", rows: rows, columns: columns, bytes: 8 * Double(rows * columns),
      KernelArgument.matrix(operation.table) + [.slice(operation.ids)]
        + KernelArgument.matrix(operation.output) + [.int(rows), .int(columns)])
  }

  public func embedding(_ operation: EmbeddingBackward) {
    let (rows, columns) = (operation.rows, operation.outputGradient.columns)
    launchRows(
      "embedding", "scatter_rows", rows: rows.idCount, columns: columns,
      bytes: 4 * Double((rows.rowCount + 2 * rows.idCount) * columns),
      KernelArgument.matrix(operation.outputGradient)
        + [.slice(rows.ids), .slice(rows.starts), .slice(rows.order)]
        + KernelArgument.matrix(operation.tableGradient) + [.int(rows.idCount), .int(columns)])
  }
}
