import AntDevice

/// silu, gelu and geluTanh with their derivatives, alone and gating.
extension ReferenceDevice {
  public func activation(_ operation: Activation) {
    for index in 0..<operation.count {
      operation.output.numbers[index] = operation.function.reference(operation.input.numbers[index]).value
    }
  }

  public func activation(_ operation: ActivationBackward) {
    for index in 0..<operation.count {
      let slope = operation.function.reference(operation.input.numbers[index]).slope
      operation.inputGradient.numbers[index] = operation.outputGradient.numbers[index] * slope
    }
  }

  public func activation(_ operation: GatedActivation) {
    guard operation.gate.columns > 0, operation.gate.rows > 0 else { return }
    let (gate, up) = (operation.gate.reference(), operation.up.reference())
    let output = operation.output.reference()
    for row in 0..<operation.gate.rows {
      for column in 0..<operation.gate.columns {
        output[row, column] = operation.function.reference(gate[row, column]).value * up[row, column]
      }
    }
  }

  public func activation(_ operation: GatedActivationBackward) {
    guard operation.gate.columns > 0, operation.gate.rows > 0 else { return }
    let (gate, up) = (operation.gate.reference(), operation.up.reference())
    let dy = operation.outputGradient.reference()
    let (dgate, dup) = (operation.gateGradient.reference(), operation.upGradient.reference())
    for row in 0..<operation.gate.rows {
      for column in 0..<operation.gate.columns {
        let (g, u, d) = (gate[row, column], up[row, column], dy[row, column])
        let f = operation.function.reference(g)
        dgate[row, column] = d * u * f.slope
        dup[row, column] = d * f.value
      }
    }
  }
}

extension ActivationFunction {
  /// `f(x)` and `f'(x)`.
  fileprivate func reference(_ x: Measured) -> (value: Measured, slope: Measured) {
    let one = Measured(1.0)
    switch self {
    case .silu:
      // s' = s (1 - s), and 1 - s taken without cancelling.
      let s = one / (one + exp(Measured(-x.value)))
      let rest = one / (one + exp(x))
      return (x * s, s * (one + x * rest))
    case .gelu:
      let phi = 0.5 * (one + erf(x / 2.0.squareRoot()))
      let density = (1 / (2 * Double.pi).squareRoot()) * exp(-0.5 * (x * x))
      return (x * phi, phi + x * density)
    case .geluTanh:
      let rate = (2 / Double.pi).squareRoot()
      let t = tanh(rate * (x + 0.044715 * (x * x * x)))
      let rest = (one - t * t).exact
      let slope = 0.5 * (one + t) + 0.5 * (x * rest * (rate * (one + 3 * 0.044715 * (x * x))))
      return (0.5 * (x * (one + t)), slope)
    }
  }
}
