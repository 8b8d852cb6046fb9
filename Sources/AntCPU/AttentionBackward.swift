import AntDevice

/// The gradients of fused attention, one pass a head, scores recomputed from the saved log-sum-exp.
///
/// A task is one head, so no two write to the same place. Keys lie in lanes, a panel of
/// ``AttentionTile/columns`` at a time; for each block of queries that sees some of them:
///
///     S  [queries, keys]   = scale Q K^T        dP [queries, keys] = dO V^T
///     P = exp(S - logSumExp)                    dS = P (dP - D)
///     dV^T [dimension, keys] += dO^T P          dK^T [dimension, keys] += (scale Q)^T dS
///     dQ [queries, dimension] += dS K
///
/// and dQ is scaled at the end. Below float32, Q, K, V and dO are rounded wherever they are copied or read; P and dS
/// stay as they are.
extension CPUDevice {
  public func attention(_ operation: AttentionBackward) {
    let shape = operation.forward.shape
    let scores = shape.batch * shape.heads * shape.queryLength * shape.keyLength
    let rows = shape.batch * (4 * shape.queryLength + 4 * shape.keyLength)
    command(
      "attention backward", operations: 10 * scores * shape.headDimension, floats: rows * shape.width
    ) {
      let tasks = shape.batch * shape.heads
      let workers = min(parallel.threads, tasks)
      let scratchFloats = BackwardScratch.floats(shape)
      withScratch(workers * scratchFloats) { scratch in
        parallel(workers: workers, tasks) { worker, task in
          AttentionBackwardHead(operation, index: task)
            .run(BackwardScratch(scratch + worker * scratchFloats, shape))
        }
      }
    }
  }
}

/// Memory of one head's backward pass.
private struct BackwardScratch {
  /// Scaled Q and dO, in panels of tile rows, `[queries / rows][dimension][rows]`.
  let queryPanels, gradientPanels: Floats
  /// Scaled Q and dO, `[queries][whole tiles of dimension]`.
  let queries, gradients: Floats
  /// dQ, `[whole blocks of queries][whole lanes of dimension]`.
  let queryGradient: Floats
  /// D of each query.
  let deltas: Floats
  /// K^T, V^T, dK^T and dV^T of the panel, `[dimension][columns]`.
  let keyPanel, valuePanel, keyGradient, valueGradient: Floats
  /// K of the panel, `[columns][whole lanes of dimension]`.
  let keys: Floats
  /// S, then P; and dP, then dS: `[block][columns]`.
  let weights, scoreGradients: Floats
  /// A square of columns.
  let square: Floats

  /// The sizes of the members above, in order.
  private static func sizes(_ shape: AttentionShape) -> [Int] {
    let columns = AttentionTile.columns
    let rows = AttentionTile.wholeRows(shape.queryLength)
    let dimension = AttentionTile.wholeRows(shape.headDimension)
    let lanes = AttentionTile.wholeColumns(shape.headDimension)
    let operands = Array(repeating: rows * dimension, count: 4)
    let panels = Array(repeating: dimension * columns, count: 4)
    let blocks = Array(repeating: AttentionTile.block * columns, count: 2)
    return operands + [rows * lanes, rows] + panels + [columns * lanes] + blocks + [columns * columns]
  }

  static func floats(_ shape: AttentionShape) -> Int { sizes(shape).reduce(0) { $0 + aligned($1) } }

  /// Whole cache lines.
  private static func aligned(_ count: Int) -> Int { divide(count, 16) * 16 }

  init(_ start: Floats, _ shape: AttentionShape) {
    var next = start
    let members = Self.sizes(shape).map { size in
      defer { next += Self.aligned(size) }
      return next
    }
    (queryPanels, gradientPanels, queries, gradients) = (members[0], members[1], members[2], members[3])
    (queryGradient, deltas) = (members[4], members[5])
    (keyPanel, valuePanel, keyGradient, valueGradient) = (members[6], members[7], members[8], members[9])
    keys = members[10]
    (weights, scoreGradients, square) = (members[11], members[12], members[13])
  }
}

/// One head of one sequence.
private struct AttentionBackwardHead {
  let shape: AttentionShape
  let precision: Precision
  let query, key, value, output, outputGradient: HeadRows
  let queryGradient, keyGradient, valueGradient: HeadRows
  let logSumExp: Floats
  let ranges: KeyRanges
  let positions: HeadPositions?
  let dropout: HeadDropout?

  init(_ operation: AttentionBackward, index: Int) {
    let forward = operation.forward
    let shape = forward.shape
    let (batch, head) = (index / shape.heads, index % shape.heads)
    func rows(_ matrix: Matrix, _ length: Int, _ precision: Precision = .float32) -> HeadRows {
      HeadRows(
        matrix, batch: batch, head: head, length: length, dimension: shape.headDimension,
        precision: precision)
    }
    precision = forward.precision
    self.shape = shape
    query = rows(forward.query, shape.queryLength, precision)
    key = rows(forward.key, shape.keyLength, precision)
    value = rows(forward.value, shape.keyLength, precision)
    output = rows(forward.output, shape.queryLength)
    outputGradient = rows(operation.outputGradient, shape.queryLength, precision)
    queryGradient = rows(operation.queryGradient, shape.queryLength)
    keyGradient = rows(operation.keyGradient, shape.keyLength)
    valueGradient = rows(operation.valueGradient, shape.keyLength)
    logSumExp = forward.logSumExp.floats + index * shape.queryLength
    ranges = KeyRanges(forward, batch: batch)
    positions = HeadPositions(forward, gradients: operation.positionGradients, batch: batch, head: head)
    dropout = HeadDropout(forward, batch: batch, head: head)
  }

  func run(_ scratch: BackwardScratch) {
    positions?.clearGradients()
    let queries = 0..<shape.queryLength
    let dimension = AttentionTile.wholeRows(shape.headDimension)
    let lanes = AttentionTile.wholeColumns(shape.headDimension)
    query.packPanels(queries, width: AttentionTile.rows, scale: shape.scale, into: scratch.queryPanels)
    outputGradient.packPanels(queries, width: AttentionTile.rows, into: scratch.gradientPanels)
    query.copyRows(queries, width: dimension, scale: shape.scale, into: scratch.queries)
    outputGradient.copyRows(queries, width: dimension, into: scratch.gradients)
    scratch.queryGradient.update(repeating: 0, count: AttentionTile.wholeRows(queries.count) * lanes)
    switch precision {
    case .float32: findDeltas(Unrounded.self, scratch)
    case .tf32: findDeltas(ToTF32.self, scratch)
    case .bfloat16: findDeltas(ToBFloat16.self, scratch)
    }
    for first in stride(from: 0, to: shape.keyLength, by: AttentionTile.columns) {
      run(keys: first..<min(first + AttentionTile.columns, shape.keyLength), scratch)
    }
    for query in queries {
      let row = scratch.queryGradient + query * lanes
      forEachLanes(shape.headDimension) { start, count in
        storeLanes(
          shape.scale * loadLanes(row + start, count), self.queryGradient[query] + start, count)
      }
    }
  }

  /// D of every query.
  private func findDeltas<R: Rounding>(_: R.Type, _ scratch: BackwardScratch) {
    for query in 0..<shape.queryLength {
      var products = Lanes.zero
      forEachLanes(shape.headDimension) { start, count in
        products = multiplyAdd(
          R.round(loadLanes(outputGradient[query] + start, count)), loadLanes(output[query] + start, count),
          products)
      }
      scratch.deltas[query] = products.total
    }
  }

  /// One panel of keys: their gradients, and what they add to the queries'.
  private func run(keys: Range<Int>, _ scratch: BackwardScratch) {
    let columns = AttentionTile.columns
    let dimension = AttentionTile.wholeRows(shape.headDimension)
    let lanes = AttentionTile.wholeColumns(shape.headDimension)
    key.packPanels(keys, width: columns, into: scratch.keyPanel)
    value.packPanels(keys, width: columns, into: scratch.valuePanel)
    key.copyRows(keys, width: lanes, into: scratch.keys)
    scratch.keyGradient.update(repeating: 0, count: dimension * columns)
    scratch.valueGradient.update(repeating: 0, count: dimension * columns)
    for first in stride(from: 0, to: shape.queryLength, by: AttentionTile.block) {
      let queries = first..<min(first + AttentionTile.block, shape.queryLength)
      let (visible, unmasked) = ranges.extent(queries)
      guard visible.overlaps(keys) else { continue }
      let isMasked = keys.lowerBound < unmasked.lowerBound || keys.upperBound > unmasked.upperBound
      let panels = first * shape.headDimension
      multiplyPanels(scratch.queryPanels + panels, scratch.keyPanel, queries.count, scratch.weights)
      multiplyPanels(
        scratch.gradientPanels + panels, scratch.valuePanel, queries.count, scratch.scoreGradients)
      positions?.add(queries: queries, keys: keys, toQueryRows: scratch.weights)
      dropOut(scratch.scoreGradients, queries, keys)
      for lane in stride(from: 0, to: columns, by: Lanes.scalarCount) {
        weigh(scratch, queries, firstKey: keys.lowerBound, lane, isMasked: isMasked)
      }
      positions?.addGradients(scratch.scoreGradients, queries: queries, keys: keys)
      dropOut(scratch.weights, queries, keys)
      addOuter(scratch.gradients + first * dimension, scratch.weights, queries.count, scratch.valueGradient)
      addOuter(
        scratch.queries + first * dimension, scratch.scoreGradients, queries.count, scratch.keyGradient)
      for lane in stride(from: 0, to: lanes, by: columns) {
        AttentionTile.multiplyRows(
          rows: AttentionTile.wholeRows(queries.count), depth: keys.count, scratch.scoreGradients,
          scratch.keys + lane, step: lanes, into: scratch.queryGradient + (first * lanes + lane),
          stride: lanes)
      }
    }
    keyGradient.unpack(scratch.keyGradient, keys, scratch: scratch.square)
    valueGradient.unpack(scratch.valueGradient, keys, scratch: scratch.square)
  }

  /// Multiplies `values [queries, keys]` by what dropout multiplies their weights by.
  private func dropOut(_ values: Floats, _ queries: Range<Int>, _ keys: Range<Int>) {
    guard let dropout else { return }
    for query in queries {
      let row = values + (query &- queries.lowerBound) &* AttentionTile.columns
      dropout.apply(query: query, keys: keys, to: row, step: 1)
    }
  }

  /// `product [queries, keys]`: panels of query rows times a panel of keys.
  private func multiplyPanels(_ a: Floats, _ b: Floats, _ queryCount: Int, _ product: Floats) {
    AttentionTile.multiply(
      rows: AttentionTile.wholeRows(queryCount), depth: shape.headDimension, a, step: AttentionTile.rows,
      tileStep: AttentionTile.rows * shape.headDimension, b, step: AttentionTile.columns, into: product,
      stride: AttentionTile.columns, accumulate: false)
  }

  /// `sums [dimension, keys] += sum over queries of a[query, :]^T b[query, :]`.
  private func addOuter(_ a: Floats, _ b: Floats, _ queryCount: Int, _ sums: Floats) {
    let dimension = AttentionTile.wholeRows(shape.headDimension)
    AttentionTile.multiply(
      rows: dimension, depth: queryCount, a, step: dimension, tileStep: AttentionTile.rows, b,
      step: AttentionTile.columns, into: sums, stride: AttentionTile.columns, accumulate: true)
  }

  /// S becomes P, and dP becomes dS.
  private func weigh(
    _ scratch: BackwardScratch, _ queries: Range<Int>, firstKey: Int, _ lane: Int, isMasked: Bool
  ) {
    let keys =
      Lanes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) + Float(firstKey &+ lane)
    for row in 0..<queries.count {
      let query = queries.lowerBound &+ row
      let place = row &* AttentionTile.columns &+ lane
      let range = ranges[query]
      // A query that sees nothing has no finite log-sum-exp to subtract.
      let shift = range.isEmpty ? .infinity : logSumExp[query]
      var weight = exponential(load(scratch.weights + place) - shift)
      if isMasked {
        weight.replace(with: 0, where: keys .< Float(range.lowerBound))
        weight.replace(with: 0, where: keys .>= Float(range.upperBound))
      }
      store(weight, scratch.weights + place)
      let gradient = load(scratch.scoreGradients + place) - scratch.deltas[query]
      store(weight * gradient, scratch.scoreGradients + place)
    }
    // Rows that fill the last tile carry zeros.
    for row in queries.count..<AttentionTile.wholeRows(queries.count) {
      store(.zero, scratch.scoreGradients + (row &* AttentionTile.columns &+ lane))
    }
  }
}
