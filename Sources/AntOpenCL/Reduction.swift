import AntDevice

extension OpenCLDevice {
  public func reduction(_ operation: Reduction) {
    let groups = elementGroups(operation.count)
    let partials = scratch(max(groups, 1))
    launchElements(
      "reduction", "sum_blocks", count: operation.count, operations: Double(operation.count),
      bytes: 4 * Double(operation.count),
      [
        .slice(operation.input), .long(operation.count), .int(operation.kind == .sumOfSquares ? 1 : 0),
        .slice(partials),
      ])
    launch(
      "reduction", "sum_partials", options: vectorOptions, global: [lanes], local: [lanes],
      [.slice(partials), .int(groups), .int(operation.accumulate ? 1 : 0), .slice(operation.output)])
  }

  public func reduction(_ operation: ColumnSum) {
    let (rows, columns) = (operation.input.rows, operation.input.columns)
    let chunks = Self.rowChunks(rows)
    let partials = scratch(max(chunks * columns, 1))
    launchColumns(
      "reduction", "sum_columns", columns: columns, chunks: chunks, bytes: 4 * Double(rows * columns),
      KernelArgument.matrix(operation.input) + [
        .int(rows), .int(columns), .int(Self.rowsPerChunk), .slice(partials),
      ])
    sumChunks(
      partials, chunks: chunks, columns: columns, into: operation.output, accumulate: operation.accumulate)
  }

  /// Rows that one work-item sums; fixed, so that the order of a sum depends on the rows alone.
  static let rowsPerChunk = 64

  static func rowChunks(_ rows: Int) -> Int { (rows + rowsPerChunk - 1) / rowsPerChunk }

  /// The second stage of every sum over rows: `output[c] [+]= sum of partials[chunk, c]`.
  func sumChunks(
    _ partials: BufferSlice, chunks: Int, columns: Int, into output: BufferSlice, accumulate: Bool
  ) {
    launchColumns(
      "reduction", "sum_chunks", columns: columns,
      [
        .slice(partials), .int(chunks), .int(columns), .int(accumulate ? 1 : 0), .slice(output),
      ])
  }
}
