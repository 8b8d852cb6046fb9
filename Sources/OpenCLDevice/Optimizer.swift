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
        .long(operation.decayedCount), .float(operation.learningRate),
      ] + KernelArgument.moments(operation.moments) + [.float(operation.weightDecay)])
  }

  public func optimizer(_ operation: LAMB) {
    let blocks = operation.blocks.count
    let partials = scratch(max(2 * blocks, 1))
    let shared: [KernelArgument] = [
      .slice(operation.parameters), .slice(operation.gradients), .slice(operation.control),
      .slice(operation.blocks.table), .int(operation.decayedCount),
    ]
    launch(
      "optimizer", "lamb_direction", options: vectorOptions, global: [blocks * lanes], local: [lanes],
      operations: 20 * Double(operation.count), bytes: 28 * Double(operation.count),
      shared + [.slice(operation.firstMoment), .slice(operation.secondMoment)]
        + KernelArgument.moments(operation.moments)
        + [.float(operation.weightDecay), .int(blocks), .slice(partials)])
    launch(
      "optimizer", "lamb_step", options: vectorOptions, global: [blocks * lanes], local: [lanes],
      operations: 2 * Double(operation.count), bytes: 12 * Double(operation.count),
      shared + [.float(operation.learningRate), .int(blocks), .slice(partials)])
  }
}

extension KernelArgument {
  fileprivate static func moments(_ moments: Moments) -> [KernelArgument] {
    [
      .float(moments.beta1), .float(moments.beta2), .float(moments.firstCorrection),
      .float(moments.secondCorrection), .float(moments.epsilon),
    ]
  }
}
