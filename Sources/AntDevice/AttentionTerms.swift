import AntRandom

/// What relative positions add to attention scores (He et al. 2021, DeBERTa; Samuel et al. 2023, LTG-BERT):
///
///     s_ij = scale (q_i·k_j + a_i,r + b_j,r)      r = bucket(i - j)
///
/// `a_i,r = q_i·kp_r` says how query i likes the r-th kind of distance, `b_j,r = k_j·qp_r` how key j does. Both
/// are matrix products over a few buckets, made before; attention picks from them, so nothing of the size T x T
/// is ever in memory.
public struct PositionScores {
  /// The most buckets a device has to serve.
  public static let maximumBuckets = 128

  /// a: `[batch * queryLength, heads * pitch]`, head h in the columns from `h * pitch` on. Of a head's
  /// columns the first ``bucketCount`` count; the others are neither read nor written.
  public let query: Matrix
  /// b: `[batch * keyLength, heads * pitch]`.
  public let key: Matrix
  /// int32, `queryLength + keyLength - 1` buckets: that of query i and key j at `i - j + keyLength - 1`.
  public let buckets: BufferSlice
  public let bucketCount: Int

  public init(query: Matrix, key: Matrix, buckets: BufferSlice, bucketCount: Int) {
    precondition(
      (1...Self.maximumBuckets).contains(bucketCount),
      "PositionScores: \(bucketCount) buckets, at most \(Self.maximumBuckets)")
    self.query = query
    self.key = key
    self.buckets = buckets
    self.bucketCount = bucketCount
  }

  /// Columns from one head to the next.
  public func pitch(heads: Int) -> Int { query.columns / heads }

  func requireFit(_ shape: AttentionShape) {
    let pitch = pitch(heads: shape.heads)
    precondition(
      pitch >= bucketCount, "PositionScores: \(bucketCount) buckets in heads of \(pitch) columns")
    query.requireShape(shape.batch * shape.queryLength, shape.heads * pitch, "PositionScores query")
    key.requireShape(shape.batch * shape.keyLength, shape.heads * pitch, "PositionScores key")
    require(
      buckets, holds: shape.queryLength + shape.keyLength - 1, of: .int32, "PositionScores buckets")
  }
}

/// Dropout of attention weights: `m_ij` is `1 / (1 - p)` where the draw of (sequence, head, i, j) is at least p,
/// else 0. Forward and backward draw the same (see ``AntRandom/Philox``) and nothing is stored.
public struct AttentionDropout: Sendable, Equatable {
  /// Bits of a key's number in that of its draw (see ``element(sequence:heads:head:query:key:)``).
  public static let keyBits = 16
  /// Bits of a query's number in that of its draw.
  public static let queryBits = 18
  public static let maximumQueries = 1 << queryBits
  public static let maximumKeys = 1 << keyBits

  public var probability: Float
  public var stream: RandomStream
  /// The place of the operation's first sequence in the effective batch: splitting a batch changes no draw.
  public var firstSequence: Int

  public init(probability: Float, stream: RandomStream, firstSequence: Int = 0) {
    precondition(probability >= 0 && probability < 1, "AttentionDropout: a probability of \(probability)")
    self.probability = probability
    self.stream = stream
    self.firstSequence = firstSequence
  }

  /// The number of a weight's draw in the stream: its key's low bits choose the word of a block, so that four
  /// keys in a row share one.
  public static func element(sequence: Int, heads: Int, head: Int, query: Int, key: Int) -> UInt64 {
    UInt64(sequence * heads + head) << (queryBits + keyBits) | UInt64(query) << keyBits | UInt64(key)
  }

  /// What `m_ij` is where the weight is kept.
  public var factor: Float { 1 / (1 - probability) }
}
