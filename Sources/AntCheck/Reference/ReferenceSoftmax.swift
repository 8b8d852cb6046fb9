import AntDevice

/// `y = exp(scale x - max) / sum` over each row, and `dx = scale y (dy - sum dy y)`.
extension ReferenceDevice {
  public func softmax(_ operation: Softmax) {
    guard operation.input.columns > 0 else { return }
    let scale = Double(operation.scale)
    for row in 0..<operation.input.rows {
      let scores = operation.input.reference().row(row).map { scale * $0 }
      let output = operation.output.reference()
      for (column, value) in softmax(scores).enumerated() { output[row, column] = value }
    }
  }

  /// Zeros where every score is minus infinity.
  func softmax(_ scores: [Measured]) -> [Measured] {
    let largest = scores.map(\.value).max() ?? -.infinity
    if scores.allSatisfy({ $0.value == -.infinity }) { return scores.map { _ in .zero } }
    let terms = scores.map { exp($0 - Measured(largest)) }
    let sum = terms.reduce(.zero, +)
    return terms.map { $0 / sum }
  }

  public func softmax(_ operation: SoftmaxBackward) {
    guard operation.output.columns > 0 else { return }
    let scale = Double(operation.scale)
    for row in 0..<operation.output.rows {
      let y = operation.output.reference().row(row)
      let dy = operation.outputGradient.reference().row(row)
      let dot = zip(dy, y).map { $0 * $1 }.reduce(.zero, +)
      let dx = operation.inputGradient.reference()
      for column in y.indices { dx[row, column] = scale * y[column] * (dy[column] - dot) }
    }
  }
}
