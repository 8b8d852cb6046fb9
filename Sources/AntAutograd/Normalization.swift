import AntDevice

extension Tape {
  /// Normalizes each row (see ``AntDevice/Normalization``). The output is not kept for backward but remade from
  /// the input, which its own gradient needs in any case.
  public func normalization(
    _ kind: Normalization.Kind, _ input: Tensor, weight: Parameter? = nil, bias: Parameter? = nil,
    epsilon: Float
  ) -> Tensor {
    let x = input.saved
    let normalize = { [device] (source: Matrix) in
      let output = device.makeMatrix(rows: source.rows, columns: source.columns, room: source.room)
      device.normalization(
        Normalization(
          kind, source, weight: weight?.vector, bias: bias?.vector, epsilon: epsilon, into: output))
      return output
    }
    let result = Tensor(normalize(input.value), remake: records ? { normalize(x()) } : nil)
    record { [device, dy = result.gradient, dx = input.gradient] in
      guard let dy = dy.take() else { return }
      // The first contribution may overwrite dy; a later one adds to what is there.
      let sum = dx.value
      device.normalization(
        NormalizationBackward(
          kind, input: x(), weight: weight?.vector, epsilon: epsilon, outputGradient: dy,
          inputGradient: sum ?? dy, accumulate: sum != nil, weightGradient: weight?.gradient?.storage,
          biasGradient: bias?.gradient?.storage))
      if sum == nil { dx.adopt(dy, on: device) }
    }
    return result
  }
}
