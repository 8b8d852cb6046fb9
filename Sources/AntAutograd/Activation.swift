import AntDevice

extension Tape {
  /// `y = f(x)`, element by element; remade in backward rather than kept.
  public func activation(_ function: ActivationFunction, _ input: Tensor) -> Tensor {
    let x = input.saved
    let activate = { [device] (source: Matrix) in
      let output = device.makeMatrix(rows: source.rows, columns: source.columns, room: source.room)
      device.activation(Activation(function, source.elements, into: output.elements))
      return output
    }
    let result = Tensor(activate(input.value), remake: records ? { activate(x()) } : nil)
    record { [device, dy = result.gradient, dx = input.gradient] in
      guard let dy = dy.take() else { return }
      device.activation(
        ActivationBackward(function, input: x().elements, outputGradient: dy.elements, into: dy.elements))
      dx.adopt(dy, on: device)
    }
    return result
  }

  /// `y = f(gate) up`, gate and up being the halves of `gateAndUp`'s columns; remade in backward rather than
  /// kept.
  ///
  /// Backward writes the gradient over the input, the widest activation of a layer: nothing recorded earlier
  /// may read its value.
  ///
  /// - Parameter gateFirst: whether the gate is the left half.
  public func gatedActivation(
    _ function: ActivationFunction, gateAndUp input: Tensor, gateFirst: Bool = true
  ) -> Tensor {
    let width = input.columns / 2
    let left = 0..<width
    let right = width..<2 * width
    let (gateColumns, upColumns) = gateFirst ? (left, right) : (right, left)
    let x = input.saved
    let activate = { [device] (source: Matrix) in
      let output = device.makeMatrix(rows: source.rows, columns: width, room: source.room)
      device.activation(
        GatedActivation(
          function, gate: source.columns(gateColumns), up: source.columns(upColumns), into: output))
      return output
    }
    let result = Tensor(activate(input.value), remake: records ? { activate(x()) } : nil)
    record { [device, dy = result.gradient, dx = input.gradient] in
      guard let dy = dy.take() else { return }
      let source = x()
      let (gate, up) = (source.columns(gateColumns), source.columns(upColumns))
      device.activation(
        GatedActivationBackward(
          function, gate: gate, up: up, outputGradient: dy, gateGradient: gate, upGradient: up))
      dx.adopt(source, on: device)
    }
    return result
  }
}
