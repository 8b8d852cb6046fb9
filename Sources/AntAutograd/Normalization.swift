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

  /// Normalizes queries and keys head by head (QK-norm, Henry et al. 2020): the columns of `weights[0]` come first, then
  /// those of `weights[1]`, each `columns` of them; what lies behind is copied.
  ///
  /// - Parameters:
  ///   - input: queries, keys and values beside each other.
  ///   - weights: `[headDimension]` each, shared by their heads.
  ///   - columns: columns a weight serves, its heads beside each other.
  public func headNormalization(
    _ input: Tensor, weights: [Parameter], columns: Int, epsilon: Float
  ) -> Tensor {
    let x = input.saved
    let parts = weights.enumerated().map { ($1, $0 * columns..<($0 + 1) * columns) }
    let source = input.value
    let output = device.makeMatrix(rows: source.rows, columns: source.columns, room: source.room)
    for (weight, range) in parts {
      device.normalization(
        Normalization(
          .rms, source.columns(range), weight: weight.vector, epsilon: epsilon,
          heads: columns / weight.vector.count, into: output.columns(range)))
    }
    let rest = weights.count * columns..<source.columns
    device.elementwise(Copy(source.columns(rest), into: output.columns(rest)))
    let result = Tensor(output)
    record { [device, dy = result.gradient, dx = input.gradient] in
      guard let dy = dy.take() else { return }
      for (weight, range) in parts {
        device.normalization(
          NormalizationBackward(
            .rms, input: x().columns(range), weight: weight.vector, epsilon: epsilon,
            heads: columns / weight.vector.count, outputGradient: dy.columns(range),
            inputGradient: dy.columns(range),
            weightGradient: weight.gradient?.storage))
      }
      dx.adopt(dy, on: device)
    }
    return result
  }
}
