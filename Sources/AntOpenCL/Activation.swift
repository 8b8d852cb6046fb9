import AntDevice

extension OpenCLDevice {
  public func activation(_ operation: Activation) {
    launchElements(
      "activation", "activate_forward", count: operation.count, options: options(operation.function),
      bytes: 8 * Double(operation.count),
      [.slice(operation.input), .slice(operation.output), .long(operation.count)])
  }

  public func activation(_ operation: ActivationBackward) {
    launchElements(
      "activation", "activate_backward", count: operation.count, options: options(operation.function),
      bytes: 12 * Double(operation.count),
      [
        .slice(operation.input), .slice(operation.outputGradient), .slice(operation.inputGradient),
        .long(operation.count),
      ])
  }

  public func activation(_ operation: GatedActivation) {
    let (rows, columns) = (operation.gate.rows, operation.gate.columns)
    launchRows(
      "activation", "gated_forward", rows: rows, columns: columns, options: options(operation.function),
      bytes: 12 * Double(rows * columns),
      KernelArgument.matrix(operation.gate) + KernelArgument.matrix(operation.up)
        + KernelArgument.matrix(operation.output) + [.int(rows), .int(columns)])
  }

  public func activation(_ operation: GatedActivationBackward) {
    let (rows, columns) = (operation.gate.rows, operation.gate.columns)
    launchRows(
      "activation", "gated_backward", rows: rows, columns: columns, options: options(operation.function),
      bytes: 20 * Double(rows * columns),
      KernelArgument.matrix(operation.gate) + KernelArgument.matrix(operation.up)
        + KernelArgument.matrix(operation.outputGradient) + KernelArgument.matrix(operation.gateGradient)
        + KernelArgument.matrix(operation.upGradient) + [.int(rows), .int(columns)])
  }

  private func options(_ function: ActivationFunction) -> String {
    switch function {
    case .silu: "-DFUNCTION=SILU"
    case .gelu: "-DFUNCTION=GELU"
    case .geluTanh: "-DFUNCTION=GELU_TANH"
    }
  }
}
