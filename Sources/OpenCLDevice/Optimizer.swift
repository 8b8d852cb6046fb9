import Device

extension OpenCLDevice {
  public func optimizer(_ operation: GradientControl) {
    launch(
      "optimizer", "gradient_control", options: vectorOptions, global: [1], local: [1],
      [
        .slice(operation.gradientSquares), .slice(operation.loss), .float(operation.maximumNorm),
        .slice(operation.control),
      ])
  }

  public func optimizer(_ operation: AdamW) {
    launchElements(
      "optimizer", "adamw", count: operation.count, operations: 15 * Double(operation.count),
      bytes: 28 * Double(operation.count),
      [
        .slice(operation.parameters), .slice(operation.gradients), .slice(operation.firstMoment),
        .slice(operation.secondMoment), .slice(operation.control), .long(operation.count),
        .long(operation.decayedCount), .float(operation.learningRate), .float(operation.beta1),
        .float(operation.beta2), .float(operation.firstCorrection), .float(operation.secondCorrection),
        .float(operation.epsilon), .float(operation.weightDecay),
      ])
  }
}
