import AntDevice

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
    let update = operation.update
    launchElements(
      "optimizer", "adamw", count: update.count, operations: 15 * Double(update.count),
      bytes: 28 * Double(update.count),
      [
        .slice(update.parameters), .slice(update.gradients), .slice(update.firstMoment),
        .slice(update.secondMoment), .slice(update.control), .long(update.count),
        .long(update.decayedCount), .float(update.learningRate),
      ] + KernelArgument.moments(update.moments) + [.float(update.weightDecay)])
  }

  public func optimizer(_ operation: LAMB) {
    let update = operation.update
    let blocks = operation.blocks.count
    let partials = scratch(max(2 * blocks, 1))
    let shared: [KernelArgument] = [
      .slice(update.parameters), .slice(update.gradients), .slice(update.control),
      .slice(operation.blocks.table), .int(update.decayedCount),
    ]
    launch(
      "optimizer", "lamb_direction", options: vectorOptions, global: [blocks * lanes], local: [lanes],
      operations: 20 * Double(update.count), bytes: 28 * Double(update.count),
      shared + [.slice(update.firstMoment), .slice(update.secondMoment)]
        + KernelArgument.moments(update.moments)
        + [.float(update.weightDecay), .int(blocks), .slice(partials)])
    launch(
      "optimizer", "lamb_step", options: vectorOptions, global: [blocks * lanes], local: [lanes],
      operations: 2 * Double(update.count), bytes: 12 * Double(update.count),
      shared + [.float(update.learningRate), .int(blocks), .slice(partials)])
  }
}

extension OpenCLDevice {
  public func optimizer(_ operation: MuonDirection) {
    let blocks = operation.blocks.count
    let elements = Double(operation.blocks.elements)
    let partials = scratch(max(blocks, 1))
    let shared: [KernelArgument] = [
      .slice(operation.gradients), .slice(operation.control), .slice(operation.blocks.table),
    ]
    launch(
      "optimizer", "muon_momentum", options: vectorOptions, global: [blocks * lanes], local: [lanes],
      operations: 7 * elements, bytes: 16 * elements,
      shared + [.slice(operation.moment), .float(operation.momentum), .slice(partials)])
    launch(
      "optimizer", "muon_normalize", options: vectorOptions, global: [blocks * lanes], local: [lanes],
      operations: elements, bytes: 8 * elements,
      shared + [.float(MuonDirection.epsilon), .slice(partials)])
  }

  public func optimizer(_ operation: MuonStep) {
    let elements = Double(operation.blocks.elements)
    launch(
      "optimizer", "muon_step", options: vectorOptions, global: [operation.blocks.count * lanes],
      local: [lanes], operations: 4 * elements, bytes: 12 * elements,
      [
        .slice(operation.parameters), .slice(operation.direction), .slice(operation.control),
        .slice(operation.blocks.table), .float(operation.learningRate), .float(operation.weightDecay),
      ])
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
