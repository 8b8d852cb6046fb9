import AntDevice

/// Relative positions, projected as queries and keys are (see ``AntDevice/PositionScores``).
public struct RelativePositions {
  /// Which columns of the projection belong to a head: as many as the head is wide, beginning at
  /// `query + h * step` for the query positions of head h, and at `key + h * step` for its key positions.
  public struct Columns: Sendable, Equatable {
    public var query: Int
    public var key: Int
    public var step: Int

    public init(query: Int, key: Int, step: Int) {
      self.query = query
      self.key = key
      self.step = step
    }
  }

  /// `[buckets, 2 * width]`: a row for each kind of distance.
  public let projection: Tensor
  public let columns: Columns
  /// See ``AntDevice/PositionScores/buckets``.
  public let buckets: BufferSlice

  public init(projection: Tensor, columns: Columns, buckets: BufferSlice) {
    self.projection = projection
    self.columns = columns
    self.buckets = buckets
  }

  /// Columns of position scores from one head to the next.
  public static func pitch(buckets: Int) -> Int { (buckets + 15) / 16 * 16 }
}

extension AttentionShape {
  /// The columns of the first head that queries are multiplied with, or keys. Queries look at the positions of
  /// keys, and keys at those of queries.
  private func first(_ columns: RelativePositions.Columns, isQuery: Bool) -> Range<Int> {
    let first = isQuery ? columns.key : columns.query
    return first..<first + headDimension
  }

  /// `scores[:, h] = rows[:, h] positions[:, h]^T` for every head.
  fileprivate func score(
    _ rows: Matrix, _ projection: Matrix, _ columns: RelativePositions.Columns, isQuery: Bool,
    into scores: Matrix, _ precision: Precision
  ) -> Matmul {
    Matmul(
      rows.columns(0..<headDimension), transposed: false,
      projection.columns(first(columns, isQuery: isQuery)), transposed: true,
      into: scores.columns(0..<projection.rows), batch: heads, batchStrideA: headDimension,
      batchStrideB: columns.step, batchStrideC: scores.columns / heads, precision: precision)
  }

  /// The gradients of what ``score(_:_:_:isQuery:into:_:)`` multiplied, added to what is there.
  fileprivate func scoreBackward(
    _ gradient: Matrix, _ rows: Matrix, rowGradient: Matrix, _ projection: Matrix,
    projectionGradient: Matrix, _ columns: RelativePositions.Columns, isQuery: Bool, _ precision: Precision
  ) -> [Matmul] {
    let first = first(columns, isQuery: isQuery)
    let pitch = gradient.columns / heads
    let own = gradient.columns(0..<projection.rows)
    return [
      Matmul(
        own, projection.columns(first), into: rowGradient.columns(0..<headDimension), accumulate: true,
        batch: heads, batchStrideA: pitch, batchStrideB: columns.step, batchStrideC: headDimension,
        precision: precision),
      Matmul(
        own, transposed: true, rows.columns(0..<headDimension), into: projectionGradient.columns(first),
        accumulate: true, batch: heads, batchStrideA: pitch, batchStrideB: headDimension,
        batchStrideC: columns.step, precision: precision),
    ]
  }

  /// The position scores of some queries and keys, products in the precision of the attention's own.
  public func positionScores(
    query: Matrix, key: Matrix, _ positions: RelativePositions, _ precision: Precision, on device: any Device
  ) -> PositionScores {
    let buckets = positions.projection.rows
    let columns = heads * RelativePositions.pitch(buckets: buckets)
    let (a, b) = (
      device.makeMatrix(rows: query.rows, columns: columns),
      device.makeMatrix(rows: key.rows, columns: columns)
    )
    let projection = positions.projection.value
    device.matmul(score(query, projection, positions.columns, isQuery: true, into: a, precision))
    device.matmul(score(key, projection, positions.columns, isQuery: false, into: b, precision))
    return PositionScores(query: a, key: b, buckets: positions.buckets, bucketCount: buckets)
  }
}

extension Tape {
  /// Masked attention over the fused projection `queryKeyValue`, `[rows, 3 * width]`: a block of columns each
  /// for queries, keys and values. Backward writes the three gradients as blocks of one matrix, so that one
  /// matmul carries them on.
  ///
  /// - Parameters:
  ///   - keyRanges: the interval of keys each query sees (see ``AntBatch/AttentionMask``).
  ///   - positions: their scores are made anew in backward rather than kept.
  public func attention(
    _ shape: AttentionShape, queryKeyValue input: Tensor, keyRanges: BufferSlice,
    positions: RelativePositions? = nil, dropout: AttentionDropout? = nil
  ) -> Tensor {
    let width = shape.width
    precondition(
      input.columns == 3 * width && shape.queryLength == shape.keyLength,
      "attention: \(input.columns) columns for three times \(width)")
    func blocks(_ matrix: Matrix) -> (query: Matrix, key: Matrix, value: Matrix) {
      (
        matrix.columns(0..<width), matrix.columns(width..<2 * width), matrix.columns(2 * width..<3 * width)
      )
    }
    let output = device.makeMatrix(rows: input.rows, columns: width)
    let logSumExp = device.makeBuffer(.float32, count: input.rows * shape.heads)[...]
    let x = input.value
    let operation = { [device, precision] in
      let (query, key, value) = blocks(x)
      return Attention(
        shape, query: query, key: key, value: value, keyRanges: keyRanges,
        positions: positions.map { shape.positionScores(query: query, key: key, $0, precision, on: device) },
        dropout: dropout, into: output, logSumExp: logSumExp, precision: precision)
    }
    device.attention(operation())
    let result = Tensor(output)
    record { [device, precision, dy = result.gradient, dx = input.gradient] in
      guard let dy = dy.take() else { return }
      let forward = operation()
      let gradient = device.makeMatrix(rows: dy.rows, columns: 3 * width)
      let (query, key, value) = blocks(gradient)
      let scores = forward.positions.map { positions in
        let columns = positions.query.columns
        return (
          query: device.makeMatrix(rows: dy.rows, columns: columns),
          key: device.makeMatrix(rows: dy.rows, columns: columns)
        )
      }
      device.attention(
        AttentionBackward(
          of: forward, outputGradient: dy, queryGradient: query, keyGradient: key, valueGradient: value,
          positionGradients: scores))
      if let positions, let scores {
        let projection = positions.projection
        projection.gradient.contribute(rows: projection.rows, columns: projection.columns, on: device) {
          into, accumulate in
          if !accumulate { device.elementwise(Fill(into.elements, with: 0)) }
          for (scores, rows, rowGradient, isQuery) in [
            (scores.query, forward.query, query, true), (scores.key, forward.key, key, false),
          ] {
            for product in shape.scoreBackward(
              scores, rows, rowGradient: rowGradient, projection.value, projectionGradient: into,
              positions.columns, isQuery: isQuery, precision)
            { device.matmul(product) }
          }
        }
      }
      dx.adopt(gradient, on: device)
    }
    return result
  }

  /// Turns the columns `columns` of `tensor` by their rows' positions (see ``AntDevice/Rotary``), in place: the
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
