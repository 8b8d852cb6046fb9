import Device

/// The clip factor with its verdict, and AdamW.
extension ReferenceDevice {
  public func optimizer(_ operation: GradientControl) {
    let norm = operation.gradientSquares.numbers[0].value.squareRoot()
    let loss = operation.loss.numbers[0]
    let control = operation.control.numbers
    let finite = norm.isFinite && loss.value.isFinite
    control[0] = Measured(finite ? min(1, Double(operation.maximumNorm) / (norm + 1e-6)) : 0)
    control[1] = Measured(norm)
    control[2] = loss
    control[3] = Measured(finite ? 1.0 : 0.0)
  }

  public func optimizer(_ operation: AdamW) {
    let control = operation.control.numbers
    guard control[3].value != 0 else { return }
    let factor = control[0]
    let (beta1, beta2) = (Double(operation.beta1), Double(operation.beta2))
    let (firstCorrection, secondCorrection) = (
      Double(operation.firstCorrection), Double(operation.secondCorrection)
    )
    for index in 0..<operation.count {
      let gradient = factor * operation.gradients.numbers[index]
      let first = beta1 * operation.firstMoment.numbers[index] + (1 - beta1) * gradient
      let second = beta2 * operation.secondMoment.numbers[index] + (1 - beta2) * (gradient * gradient)
      let parameter = operation.parameters.numbers[index]
      let decay = index < operation.decayedCount ? Double(operation.weightDecay) : 0
      let step =
        (firstCorrection * first) / (sqrt(secondCorrection * second) + Measured(operation.epsilon))
        + decay * parameter
      operation.firstMoment.numbers[index] = first
      operation.secondMoment.numbers[index] = second
      operation.parameters.numbers[index] = parameter - Double(operation.learningRate) * step
    }
  }
}
