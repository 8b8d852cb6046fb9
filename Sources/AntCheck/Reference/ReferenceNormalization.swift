import AntDevice

/// RMS and layer norm of each row, and their gradients, with the statistics taken in two passes.
extension ReferenceDevice {
  public func normalization(_ operation: Normalization) {
    guard operation.input.columns > 0 else { return }
    let output = operation.output.reference()
    for (row, columns) in parts(of: operation.input, heads: operation.heads) {
      let (normalized, _) = normalized(
        Array(operation.input.reference().row(row)[columns]), operation.kind, epsilon: operation.epsilon)
      for (column, value) in normalized.enumerated() {
        var y = value
        if let weight = operation.weight { y = y * weight.numbers[column] }
        if let bias = operation.bias { y += bias.numbers[column] }
        output[row, columns.lowerBound + column] = y
      }
    }
  }

  public func normalization(_ operation: NormalizationBackward) {
    guard operation.input.columns > 0 else { return }
    let inputGradient = operation.inputGradient.reference()
    for (row, columns) in parts(of: operation.input, heads: operation.heads) {
      let dy = Array(operation.outputGradient.reference().row(row)[columns])
      let (x, reciprocal) = normalized(
        Array(operation.input.reference().row(row)[columns]), operation.kind, epsilon: operation.epsilon)
      let g = dy.indices.map { column in
        operation.weight.map { dy[column] * $0.numbers[column] } ?? dy[column]
      }
      let projection = mean(zip(g, x).map { $0 * $1 })
      let shift = operation.kind == .layer ? mean(g) : .zero
      for column in dy.indices {
        let dx = reciprocal * (g[column] - shift - x[column] * projection)
        let place = columns.lowerBound + column
        inputGradient[row, place] = operation.accumulate ? inputGradient[row, place] + dx : dx
        operation.weightGradient?.numbers[column] += dy[column] * x[column]
        operation.biasGradient?.numbers[column] += dy[column]
      }
    }
  }

  /// Every part that is normalized for itself.
  private func parts(of input: Matrix, heads: Int) -> [(row: Int, columns: Range<Int>)] {
    let width = input.columns / heads
    return (0..<input.rows).flatMap { row in
      (0..<heads).map { (row, $0 * width..<($0 + 1) * width) }
    }
  }

  /// `x^` of one part and the reciprocal standard deviation. The variance, a sum of squares, is its own
  /// magnitude.
  private func normalized(_ row: [Measured], _ kind: Normalization.Kind, epsilon: Float)
    -> (values: [Measured], reciprocal: Measured)
  {
    let center = kind == .layer ? mean(row) : .zero
    let centered = row.map { $0 - center }
    let variance = mean(centered.map { $0.exact * $0.exact })
    let reciprocal = Measured(1.0) / sqrt(variance + Measured(epsilon))
    return (centered.map { $0 * reciprocal }, reciprocal)
  }

  private func mean(_ values: [Measured]) -> Measured {
    values.reduce(.zero, +) / Double(values.count)
  }
}
