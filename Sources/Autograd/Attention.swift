import Device

extension Tape {
  /// Masked attention over the fused projection `queryKeyValue`, `[rows, 3 * width]`: a block of columns each
  /// for queries, keys and values. Backward writes the three gradients as blocks of one matrix, so that one
  /// matmul carries them on.
  ///
  /// - Parameter keyRanges: the interval of keys each query sees (see ``Device/AttentionMask``).
  public func attention(_ shape: AttentionShape, queryKeyValue input: Tensor, keyRanges: BufferSlice)
    -> Tensor
  {
    let width = shape.width
    precondition(
      input.columns == 3 * width && shape.queryLength == shape.keyLength,
      "attention: \(input.columns) columns for three times \(width)")
    func blocks(_ matrix: Matrix) -> (query: Matrix, key: Matrix, value: Matrix) {
      (
        matrix.columns(0..<width), matrix.columns(width..<2 * width), matrix.columns(2 * width..<3 * width)
      )
    }
    let (query, key, value) = blocks(input.value)
    let output = device.makeMatrix(rows: input.rows, columns: width)
    let forward = Attention(
      shape, query: query, key: key, value: value, keyRanges: keyRanges, into: output,
      logSumExp: device.makeBuffer(.float32, count: input.rows * shape.heads)[...])
    device.attention(forward)
    let result = Tensor(output)
    record { [device, dy = result.gradient, dx = input.gradient] in
      guard let dy = dy.take() else { return }
      let gradient = device.makeMatrix(rows: dy.rows, columns: 3 * width)
      let (query, key, value) = blocks(gradient)
      device.attention(
        AttentionBackward(
          of: forward, outputGradient: dy, queryGradient: query, keyGradient: key, valueGradient: value))
      dx.adopt(gradient, on: device)
    }
    return result
  }

  /// Turns the columns `columns` of `tensor` by their rows' positions (see ``Device/Rotary``), in place: the
  /// values now, and in backward their gradient, turned back.
  ///
  /// Everything that uses the tensor must come after.
  public func rotary(
    _ tensor: Tensor, columns: Range<Int>, headDimension: Int, positions: BufferSlice, table: Matrix
  ) {
    func rotate(_ matrix: Matrix, inverse: Bool) {
      device.rotary(
        Rotary(
          matrix.columns(columns), headDimension: headDimension, positions: positions, table: table,
          inverse: inverse))
    }
    rotate(tensor.value, inverse: false)
    record { [gradient = tensor.gradient] in
      if let gradient = gradient.value { rotate(gradient, inverse: true) }
    }
  }
}
