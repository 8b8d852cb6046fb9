import AntDevice

extension OpenCLDevice {
  public func normalization(_ operation: Normalization) {
    let (rows, columns) = (operation.input.rows * operation.heads, operation.width)
    launchRows(
      "normalization", "normalize_rows", rows: rows, columns: columns,
      options: options(operation.kind, operation.heads),
      bytes: 8 * Double(rows * columns),
      KernelArgument.matrix(operation.input) + [.slice(operation.weight), .slice(operation.bias)]
        + KernelArgument.matrix(operation.output)
        + [
          .int(rows), .int(columns), .int(operation.heads), .float(operation.epsilon),
          .int(operation.weight == nil ? 0 : 1), .int(operation.bias == nil ? 0 : 1),
        ])
  }

  public func normalization(_ operation: NormalizationBackward) {
    let (rows, columns) = (operation.input.rows * operation.heads, operation.width)
    let wantsWeights = operation.weightGradient != nil
    let chunks = Self.rowChunks(rows)
    let partials = scratch(max(chunks * columns, 1))
    // The sums over rows first: the input's gradient may overwrite the output's.
    if let biasGradient = operation.biasGradient {
      reduction(ColumnSum(operation.outputGradient, into: biasGradient, accumulate: true))
    }
    let statistics = scratch(2 * max(rows, 1))
    let inPlace = operation.inputGradient.storage.buffer === operation.outputGradient.storage.buffer
    // In place, dy is gone after the second kernel, so the weight gradient then works on a copy.
    var outputGradient = operation.outputGradient
    if wantsWeights && inPlace {
      outputGradient = Matrix(
        scratch(rows * columns), rows: operation.input.rows, columns: operation.input.columns)
      elementwise(Copy(operation.outputGradient, into: outputGradient))
    }
    launchRows(
      "normalization", "normalize_backward", rows: rows, columns: columns,
      options: options(operation.kind, operation.heads),
      bytes: 12 * Double(rows * columns),
      KernelArgument.matrix(operation.input) + [.slice(operation.weight)]
        + KernelArgument.matrix(operation.outputGradient) + KernelArgument.matrix(operation.inputGradient)
        + [
          .slice(statistics), .int(rows), .int(columns), .int(operation.heads), .float(operation.epsilon),
          .int(operation.weight == nil ? 0 : 1), .int(operation.accumulate ? 1 : 0),
          .int(wantsWeights ? 1 : 0),
        ])
    guard let weightGradient = operation.weightGradient else { return }
    launchColumns(
      "normalization", "normalize_weight_gradient", columns: columns, chunks: chunks,
      options: options(operation.kind, operation.heads), bytes: 8 * Double(rows * columns),
      KernelArgument.matrix(operation.input) + KernelArgument.matrix(outputGradient)
        + [
          .slice(statistics), .int(rows), .int(columns), .int(operation.heads), .int(Self.rowsPerChunk),
          .slice(partials),
        ])
    sumChunks(partials, chunks: chunks, columns: columns, into: weightGradient, accumulate: true)
  }

  private func options(_ kind: Normalization.Kind, _ heads: Int) -> String {
    "-DCENTERED=\(kind == .layer ? 1 : 0) -DHEADS=\(heads > 1 ? 1 : 0)"
  }
}
