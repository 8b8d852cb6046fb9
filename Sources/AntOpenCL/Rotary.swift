import AntDevice

extension OpenCLDevice {
  public func rotary(_ operation: Rotary) {
    let (rows, columns) = (operation.values.rows, operation.values.columns)
    launchRows(
      "rotary", "rotate_pairs", rows: rows, columns: columns, bytes: 8 * Double(rows * columns),
      KernelArgument.matrix(operation.values)
        + [
          .slice(operation.positions), .slice(operation.table.storage), .int(rows), .int(operation.heads),
          .int(operation.headDimension), .float(operation.inverse ? -1 : 1),
        ])
  }
}
