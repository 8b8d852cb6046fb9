import AntBatch
import AntDevice
import AntRandom

extension Benchmark {
  /// Attention forward, backward, and both together. Operations are those of two T x T products forward and five
  /// backward, of which a causal mask needs half. What position scores and dropout add is not counted.
  ///
  /// - Parameters:
  ///   - buckets: of position scores; 0 for none.
  ///   - dropout: the probability to drop a weight; 0 for none.
  public func attention(
    _ pattern: AttentionMask.Pattern, batch: Int, heads: Int, length: Int, headDimension: Int,
    buckets: Int = 0, dropout: Float = 0, precision: Precision = .float32
  ) throws -> [Result] {
    // Queries, keys, values, contexts and as many gradients, and a sum for each head.
    try require(
      floats: Array(repeating: [batch, length, heads, headDimension], count: 8)
        + Array(repeating: [batch, length, heads, max(buckets, 1)], count: 4))
    let rows = batch * length
    let width = heads * headDimension
    let shape = AttentionShape(
      batch: batch, heads: heads, headDimension: headDimension, queryLength: length, keyLength: length,
      scale: 1 / Float(headDimension).squareRoot())
    let mask = AttentionMask(pattern, sequences: batch, length: length)
    let scores = { random(rows: rows, columns: heads * buckets) }
    let positions: PositionScores? =
      buckets == 0
      ? nil
      : PositionScores(
        query: scores(), key: scores(),
        buckets: device.makeBuffer((0..<2 * length - 1).map { Int32($0 * buckets / (2 * length)) })[...],
        bucketCount: buckets)
    let forward = Attention(
      shape, query: random(rows: rows, columns: width), key: random(rows: rows, columns: width),
      value: random(rows: rows, columns: width), keyRanges: device.makeBuffer(mask.keyRanges())[...],
      positions: positions,
      dropout: dropout == 0
        ? nil
        : AttentionDropout(
          probability: dropout, stream: RandomStream(seed: 1, purpose: .sampling)),
      into: matrix(rows: rows, columns: width),
      logSumExp: device.makeBuffer(.float32, count: rows * heads)[...], precision: precision)
    let backward = AttentionBackward(
      of: forward, outputGradient: random(rows: rows, columns: width),
      queryGradient: matrix(rows: rows, columns: width), keyGradient: matrix(rows: rows, columns: width),
      valueGradient: matrix(rows: rows, columns: width),
      positionGradients: positions.map { _ in (scores(), scores()) })
    let share = pattern == .causal ? 0.5 : 1
    let name =
      "\(pattern) \(batch)x\(heads)x\(length)x\(headDimension)" + (buckets > 0 ? " \(buckets) buckets" : "")
      + (dropout > 0 ? " dropout \(dropout)" : "") + precision.suffix
    // Of one product.
    let operations = 2 * share * Double(batch * heads * headDimension) * Double(length) * Double(length)
    let matrices = 4 * Double(rows * width)
    return [
      try time("attention forward", name, operations: 2 * operations, bytes: 4 * matrices) {
        device.attention(forward)
      },
      try time("attention backward", name, operations: 5 * operations, bytes: 8 * matrices) {
        device.attention(backward)
      },
      try time("attention", name, operations: 7 * operations, bytes: 12 * matrices) {
        device.attention(forward)
        device.attention(backward)
      },
    ]
  }
}
