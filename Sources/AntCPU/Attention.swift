import AntDevice
import RealModule

/// Fused attention by blocks with an online softmax (Dao et al. 2022; Rabe & Staats 2021): no T x T matrix is in
/// memory.
///
/// A task is one head and up to 512 queries. Queries lie in lanes, a panel of ``AttentionTile/columns`` at a time:
///
///     S^T [keys, queries]    = K Q^T          keys in tiles of rows, the head dimension inside
///     O^T [dimension, queries] += V^T P^T     the head dimension in tiles of rows, the keys inside
///
/// so that running maximum and sum are one lane each and P is read as it was stored. Blocks of keys that no query
/// of the panel sees are skipped. Below float32, what is packed or copied is rounded; P stays as it is.
extension CPUDevice {
  public func attention(_ operation: Attention) {
    let shape = operation.shape
    let scores = shape.batch * shape.heads * shape.queryLength * shape.keyLength
    let rows = shape.batch * (2 * shape.queryLength + 2 * shape.keyLength)
    command("attention", operations: 4 * scores * shape.headDimension, floats: rows * shape.width) {
      let groups = divide(shape.queryLength, queriesPerTask)
      let tasks = shape.batch * shape.heads * groups
      let workers = min(parallel.threads, tasks)
      let isDirect = shape.queryLength < AttentionTile.rows
      let scratchFloats = isDirect ? shape.keyLength : ForwardScratch.floats(shape)
      withScratch(workers * scratchFloats) { scratch in
        parallel(workers: workers, tasks) { worker, task in
          let scratch = scratch + worker * scratchFloats
          let head = AttentionHead(operation, index: task / groups)
          let first = task % groups * queriesPerTask
          let queries = first..<min(first + queriesPerTask, shape.queryLength)
          if isDirect {
            switch operation.precision {
            case .float32: head.attend(Unrounded.self, queries, weights: scratch)
            case .tf32: head.attend(ToTF32.self, queries, weights: scratch)
            case .bfloat16: head.attend(ToBFloat16.self, queries, weights: scratch)
            }
          } else {
            head.attend(queries, ForwardScratch(scratch, shape))
          }
        }
      }
    }
  }
}

/// Queries of one head that one task takes: enough to make packing the keys cheap.
private let queriesPerTask = 512

/// Memory of one forward task.
private struct ForwardScratch {
  /// K in panels of tile rows, `[keys / rows][dimension][rows]`.
  let keys: Floats
  /// V, `[keys][whole tiles of dimension]`.
  let values: Floats
  /// Q^T of the panel, `[dimension][columns]`.
  let query: Floats
  /// S^T, then P^T, of a block: `[block][columns]`.
  let scores: Floats
  /// O^T, `[whole tiles of dimension][columns]`.
  let output: Floats
  /// Per query: running maximum, running sum, first key, end key.
  let maxima, sums, firstKeys, endKeys: Floats
  /// A square of columns.
  let square: Floats

  static func floats(_ shape: AttentionShape) -> Int {
    let columns = AttentionTile.columns
    let dimension = AttentionTile.wholeRows(shape.headDimension)
    let keys = AttentionTile.wholeRows(shape.keyLength)
    return 2 * keys * dimension
      + columns * (2 * dimension + AttentionTile.block + 4 + columns)
  }

  init(_ start: Floats, _ shape: AttentionShape) {
    let columns = AttentionTile.columns
    let dimension = AttentionTile.wholeRows(shape.headDimension)
    let size = AttentionTile.wholeRows(shape.keyLength) * dimension
    keys = start
    values = keys + size
    query = values + size
    output = query + dimension * columns
    scores = output + dimension * columns
    maxima = scores + AttentionTile.block * columns
    sums = maxima + columns
    firstKeys = sums + columns
    endKeys = firstKeys + columns
    square = endKeys + columns
  }
}

/// One head of one sequence.
private struct AttentionHead {
  let shape: AttentionShape
  let query, key, value, output: HeadRows
  let logSumExp: Floats
  let ranges: KeyRanges
  let positions: HeadPositions?
  let dropout: HeadDropout?

  init(_ operation: Attention, index: Int) {
    shape = operation.shape
    let (batch, head) = (index / shape.heads, index % shape.heads)
    let (queries, keys, dimension) = (shape.queryLength, shape.keyLength, shape.headDimension)
    func operand(_ matrix: Matrix, _ length: Int) -> HeadRows {
      HeadRows(
        matrix, batch: batch, head: head, length: length, dimension: dimension,
        precision: operation.precision)
    }
    query = operand(operation.query, queries)
    key = operand(operation.key, keys)
    value = operand(operation.value, keys)
    output = HeadRows(operation.output, batch: batch, head: head, length: queries, dimension: dimension)
    logSumExp = operation.logSumExp.floats + index * shape.queryLength
    ranges = KeyRanges(operation, batch: batch)
    positions = HeadPositions(operation, batch: batch, head: head)
    dropout = HeadDropout(operation, batch: batch, head: head)
  }

  /// Without packing: for a few queries against a long cache.
  func attend<R: Rounding>(_: R.Type, _ queries: Range<Int>, weights: Floats) {
    for query in queries { attend(R.self, query, weights: weights) }
  }

  @inline(__always)
  private func attend<R: Rounding>(_: R.Type, _ query: Int, weights: Floats) {
    let keys = ranges[query]
    let output = output[query]
    output.update(repeating: 0, count: shape.headDimension)
    logSumExp[query] = -.infinity
    guard !keys.isEmpty else { return }
    for key in keys {
      var products = Lanes.zero
      forEachLanes(shape.headDimension) { start, count in
        products = multiplyAdd(
          R.round(loadLanes(self.query[query] + start, count)),
          R.round(loadLanes(self.key[key] + start, count)), products)
      }
      weights[key] = products.total * shape.scale + (positions?.score(query: query, key: key) ?? 0)
    }
    let largest = largestElement(weights + keys.lowerBound, keys.count)
    var sums = Lanes.zero
    forEachLanes(keys.count) { start, count in
      let weights = weights + (keys.lowerBound + start)
      let value = exponential(loadLanes(weights, count) - largest)
      storeLanes(value, weights, count)
      sums += firstLanes(value, count, otherwise: 0)
    }
    let sum = sums.total
    logSumExp[query] = largest + Float.log(sum)
    dropout?.apply(query: query, keys: keys, to: weights + keys.lowerBound, step: 1)
    forEachLanes(shape.headDimension) { start, count in
      var values = Lanes.zero
      for key in keys {
        values = multiplyAdd(
          Lanes(repeating: weights[key]), R.round(loadLanes(value[key] + start, count)), values)
      }
      storeLanes(values * (1 / sum), output + start, count)
    }
  }

  func attend(_ queries: Range<Int>, _ scratch: ForwardScratch) {
    let keys = ranges.extent(queries).some
    let dimension = AttentionTile.wholeRows(shape.headDimension)
    key.packPanels(keys, width: AttentionTile.rows, into: scratch.keys)
    value.copyRows(keys, width: dimension, into: scratch.values)
    for first in stride(from: queries.lowerBound, to: queries.upperBound, by: AttentionTile.columns) {
      let panel = first..<min(first + AttentionTile.columns, queries.upperBound)
      attend(panel, packedFrom: keys.lowerBound, scratch)
    }
  }

  /// One panel of queries; key `packedFrom + n` is the n-th packed.
  private func attend(_ queries: Range<Int>, packedFrom firstPacked: Int, _ scratch: ForwardScratch) {
    let columns = AttentionTile.columns
    let (dimension, tileRows) = (AttentionTile.wholeRows(shape.headDimension), AttentionTile.rows)
    query.packPanels(queries, width: columns, scale: shape.scale, into: scratch.query)
    scratch.maxima.update(repeating: -.infinity, count: columns)
    scratch.sums.update(repeating: 0, count: columns)
    scratch.output.update(repeating: 0, count: dimension * columns)
    for column in 0..<columns {
      let keys = column < queries.count ? ranges[queries.lowerBound + column] : 0..<0
      scratch.firstKeys[column] = Float(keys.lowerBound)
      scratch.endKeys[column] = Float(keys.upperBound)
    }

    let (visible, unmasked) = ranges.extent(queries)
    // Blocks begin at whole tiles of the packed keys.
    var first = firstPacked + (visible.lowerBound - firstPacked) / tileRows * tileRows
    while first < visible.upperBound {
      let keys = first..<min(first + AttentionTile.block, visible.upperBound)
      let packed = first - firstPacked
      AttentionTile.multiply(
        rows: AttentionTile.wholeRows(keys.count), depth: shape.headDimension,
        scratch.keys + packed * shape.headDimension, step: tileRows,
        tileStep: tileRows * shape.headDimension, scratch.query, step: columns, into: scratch.scores,
        stride: columns, accumulate: false)
      positions?.add(queries: queries, keys: keys, toKeyRows: scratch.scores)
      let isMasked = keys.lowerBound < unmasked.lowerBound || keys.upperBound > unmasked.upperBound
      for lanes in stride(from: 0, to: columns, by: Lanes.scalarCount) {
        if isMasked { mask(scratch, keys, lanes) }
        softmax(scratch, keys.count, dimension, lanes)
      }
      if let dropout {
        for query in queries {
          dropout.apply(
            query: query, keys: keys, to: scratch.scores + (query - queries.lowerBound), step: columns)
        }
      }
      AttentionTile.multiply(
        rows: dimension, depth: keys.count, scratch.values + packed * dimension, step: dimension,
        tileStep: tileRows, scratch.scores, step: columns, into: scratch.output, stride: columns,
        accumulate: true)
      first += AttentionTile.block
    }
    finish(queries, scratch)
  }

  /// Hides from each query what it may not see.
  private func mask(_ scratch: ForwardScratch, _ keys: Range<Int>, _ lanes: Int) {
    let first = load(scratch.firstKeys + lanes)
    let end = load(scratch.endKeys + lanes)
    for row in 0..<keys.count {
      let key = Lanes(repeating: Float(keys.lowerBound &+ row))
      let scores = scratch.scores + (row &* AttentionTile.columns &+ lanes)
      let visible = load(scores).replacing(with: -.infinity, where: key .< first)
      store(visible.replacing(with: -.infinity, where: key .>= end), scores)
    }
  }

  /// Takes a block of scores into the running maximum and sum, rescales what was summed so far, and leaves
  /// `exp(score - maximum)`. Where nothing was visible yet, the maximum counts as 0.
  private func softmax(_ scratch: ForwardScratch, _ keyCount: Int, _ dimension: Int, _ lanes: Int) {
    let columns = AttentionTile.columns
    let scores = scratch.scores + lanes
    let previous = load(scratch.maxima + lanes)
    var largest = previous
    for row in 0..<keyCount { largest = maximum(load(scores + row &* columns), largest) }
    let shift = largest.replacing(with: 0, where: largest .== -.infinity)
    let rescale = exponential(previous - shift)
    var sum = load(scratch.sums + lanes) * rescale
    for row in 0..<keyCount {
      let weight = exponential(load(scores + row &* columns) - shift)
      store(weight, scores + row &* columns)
      sum += weight
    }
    store(largest, scratch.maxima + lanes)
    store(sum, scratch.sums + lanes)
    for row in 0..<dimension {
      let output = scratch.output + (row &* columns &+ lanes)
      store(load(output) * rescale, output)
    }
  }

  /// Divides by the sums and puts the rows where they belong; a query that saw nothing gets zeros.
  private func finish(_ queries: Range<Int>, _ scratch: ForwardScratch) {
    let columns = AttentionTile.columns
    for lanes in stride(from: 0, to: columns, by: Lanes.scalarCount) {
      let sum = load(scratch.sums + lanes)
      let factor = (1 / sum).replacing(with: 0, where: sum .== 0)
      for row in 0..<shape.headDimension {
        let output = scratch.output + (row &* columns &+ lanes)
        store(load(output) * factor, output)
      }
    }
    for column in 0..<queries.count {
      let (largest, sum) = (scratch.maxima[column], scratch.sums[column])
      logSumExp[queries.lowerBound + column] = sum == 0 ? -.infinity : largest + Float.log(sum)
    }
    output.unpack(scratch.output, queries, scratch: scratch.square)
  }
}
