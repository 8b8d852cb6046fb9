import AntDevice

/// RMS and layer norm of each row, and their gradients, with the statistics taken in two passes.
extension ReferenceDevice {
  public func normalization(_ operation: Normalization) {
    guard operation.input.columns > 0 else { return }
    let output = operation.output.reference()
    for row in 0..<operation.input.rows {
      let (normalized, _) = normalized(
        operation.input.reference().row(row), operation.kind, epsilon: operation.epsilon)
      for (column, value) in normalized.enumerated() {
        var y = value
        if let weight = operation.weight { y = y * weight.numbers[column] }
        if let bias = operation.bias { y += bias.numbers[column] }
        output[row, column] = y
      }
    }
  }

  public func normalization(_ operation: NormalizationBackward) {
    guard operation.input.columns > 0 else { return }
    let inputGradient = operation.inputGradient.reference()
    for row in 0..<operation.input.rows {
      let dy = operation.outputGradient.reference().row(row)
      let (x, reciprocal) = normalized(
        operation.input.reference().row(row), operation.kind, epsilon: operation.epsilon)
      let g = dy.indices.map { column in
        operation.weight.map { dy[column] * $0.numbers[column] } ?? dy[column]
      }
      let projection = mean(zip(g, x).map { $0 * $1 })
      let shift = operation.kind == .layer ? mean(g) : .zero
      for column in dy.indices {
        let dx = reciprocal * (g[column] - shift - x[column] * projection)
        inputGradient[row, column] = operation.accumulate ? inputGradient[row, column] + dx : dx
        operation.weightGradient?.numbers[column] += dy[column] * x[column]
        operation.biasGradient?.numbers[column] += dy[column]
      }
    }
  }

  /// `x^` of one row and the reciprocal standard deviation. The variance, a sum of squares, is its own
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
