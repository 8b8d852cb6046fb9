import AntDevice

/// Operations that memory bounds: each is told with the bytes that it must move.
extension Benchmark {
  /// Softmax of every row, and its gradient.
  public func softmax(rows: Int, columns: Int) throws -> [Result] {
    try require(floats: Array(repeating: [rows, columns], count: 4))
    let input = random(rows: rows, columns: columns)
    let (output, gradient) = (matrix(rows: rows, columns: columns), matrix(rows: rows, columns: columns))
    let matrices = 4 * Double(rows) * Double(columns)
    return [
      try time("softmax", "\(rows)x\(columns)", bytes: 2 * matrices) {
        device.softmax(Softmax(input, into: output))
      },
      try time("softmax backward", "\(rows)x\(columns)", bytes: 3 * matrices) {
        device.softmax(SoftmaxBackward(output: output, outputGradient: input, into: gradient))
      },
    ]
  }

  /// Normalization of every row with a weight, and its gradient, the weight's included.
  public func normalization(_ kind: Normalization.Kind, rows: Int, columns: Int) throws -> [Result] {
    try require(floats: Array(repeating: [rows, columns], count: 4))
    let input = random(rows: rows, columns: columns)
    let upstream = random(rows: rows, columns: columns)
    let (output, gradient) = (matrix(rows: rows, columns: columns), matrix(rows: rows, columns: columns))
    let weight = random(rows: 1, columns: columns).storage
    let weightGradient = random(rows: 1, columns: columns).storage
    let matrices = 4 * Double(rows) * Double(columns)
    return [
      try time("\(kind) norm", "\(rows)x\(columns)", bytes: 2 * matrices) {
        device.normalization(Normalization(kind, input, weight: weight, epsilon: 1e-6, into: output))
      },
      try time("\(kind) norm backward", "\(rows)x\(columns)", bytes: 3 * matrices) {
        device.normalization(
          NormalizationBackward(
            kind, input: input, weight: weight, epsilon: 1e-6, outputGradient: upstream,
            inputGradient: gradient, weightGradient: weightGradient))
      },
    ]
  }

  /// Losses of labels and, in the logits' place, their gradient.
  public func crossEntropy(rows: Int, vocabulary: Int) throws -> Result {
    try require(floats: [[rows, vocabulary], [rows, vocabulary]])
    let logits = random(rows: rows, columns: vocabulary)
    let labels = device.makeBuffer((0..<rows).map { Int32($0 * 7919 % vocabulary) })[...]
    let losses = device.makeBuffer(.float32, count: rows)[...]
    return try time(
      "cross-entropy", "\(rows)x\(vocabulary)", bytes: 8 * Double(rows) * Double(vocabulary)
    ) {
      device.crossEntropy(
        CrossEntropy(logits, labels: labels, losses: losses, gradient: logits, scale: 1 / Float(rows)))
    }
  }

  /// AdamW on a flat run of parameters: four floats read and three written for each.
  public func adamW(parameters count: Int) throws -> Result {
    try require(floats: Array(repeating: [count], count: 4))
    let parameters = random(rows: 1, columns: count).storage
    let gradients = random(rows: 1, columns: count).storage
    let moments = (0..<2).map { _ in device.makeBuffer(.float32, count: count)[...] }
    for moment in moments { device.elementwise(Fill(moment, with: 0)) }
    let one = device.makeBuffer([1] as [Float])[...]
    let control = device.makeBuffer(.float32, count: GradientControl.size)[...]
    device.optimizer(GradientControl(gradientSquares: one, loss: one, maximumNorm: 1, into: control))
    let update = ParameterUpdate(
      parameters: parameters, gradients: gradients, firstMoment: moments[0], secondMoment: moments[1],
      control: control, decayedCount: count, learningRate: 1e-4,
      moments: Moments(beta1: 0.9, beta2: 0.95, epsilon: 1e-8, step: 1), weightDecay: 0.1)
    return try time("adamw", "\(count)", bytes: 28 * Double(count)) { device.optimizer(AdamW(update)) }
  }
}
