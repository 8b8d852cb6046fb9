/// The sizes of one attention: `batch` sequences, `heads` heads of `headDimension` columns each,
/// `queryLength` queries and `keyLength` keys a sequence.
///
/// Row `s * queryLength + t` of the query matrix is position t of sequence s; head h owns columns
/// `h * headDimension ..< (h + 1) * headDimension`. Keys and values likewise, with `keyLength`.
public struct AttentionShape: Equatable, Sendable {
  /// The widest head any device has to serve: kernels keep whole rows of it in registers or local memory.
  public static let maximumHeadDimension = 256

  public var batch: Int
  public var heads: Int
  public var headDimension: Int
  public var queryLength: Int
  public var keyLength: Int
  /// Multiplies q·k; usually `1 / sqrt(headDimension)`.
  public var scale: Float

  public init(batch: Int, heads: Int, headDimension: Int, queryLength: Int, keyLength: Int, scale: Float) {
    precondition(
      batch > 0 && heads > 0 && headDimension > 0 && queryLength > 0 && keyLength > 0,
      "AttentionShape: \(batch) x \(heads) heads of \(headDimension), \(queryLength) x \(keyLength)")
    precondition(
      headDimension <= Self.maximumHeadDimension,
      "AttentionShape: heads of \(headDimension), at most \(Self.maximumHeadDimension)")
    self.batch = batch
    self.heads = heads
    self.headDimension = headDimension
    self.queryLength = queryLength
    self.keyLength = keyLength
    self.scale = scale
  }

  public var width: Int { heads * headDimension }
}

/// Masked attention, fused: `out_i = sum_j softmax_j(scale q_i·k_j) v_j` over the keys j that row i may see.
///
/// Row i sees the keys `firstKey[i] ..< endKey[i]` of its own sequence (see ``AttentionMask``); all heads
/// share the interval. No T x T matrix is ever in memory. A row that sees no key gives zeros and a
/// log-sum-exp of minus infinity.
public struct Attention {
  public let shape: AttentionShape
  public let query: Matrix
  public let key: Matrix
  public let value: Matrix
  /// int32 pairs (firstKey, endKey), `[batch, queryLength, 2]`; `0 <= firstKey <= endKey <= keyLength`.
  public let keyRanges: BufferSlice
  public let output: Matrix
  /// `log sum_j exp(scale q_i·k_j)`, `[batch, heads, queryLength]`: what the backward pass needs.
  public let logSumExp: BufferSlice

  public init(
    _ shape: AttentionShape, query: Matrix, key: Matrix, value: Matrix, keyRanges: BufferSlice,
    into output: Matrix, logSumExp: BufferSlice
  ) {
    let queries = shape.batch * shape.queryLength
    let keys = shape.batch * shape.keyLength
    query.requireShape(queries, shape.width, "Attention query")
    key.requireShape(keys, shape.width, "Attention key")
    value.requireShape(keys, shape.width, "Attention value")
    output.requireShape(queries, shape.width, "Attention output")
    require(keyRanges, holds: 2 * queries, of: .int32, "Attention key ranges")
    require(logSumExp, holds: queries * shape.heads, of: .float32, "Attention logSumExp")
    self.shape = shape
    self.query = query
    self.key = key
    self.value = value
    self.keyRanges = keyRanges
    self.output = output
    self.logSumExp = logSumExp
  }
}

/// The gradients of ``Attention``. With `p_ij = exp(scale q_i·k_j - logSumExp_i)` on visible keys, else 0:
///
///     D_i   = do_i · out_i
///     ds_ij = p_ij (do_i · v_j - D_i)
///     dq_i  = scale sum_j ds_ij k_j      dk_j = scale sum_i ds_ij q_i      dv_j = sum_i p_ij do_i
///
/// Replaces what the gradient matrices held. A row that sees no key contributes nothing and gets zeros.
public struct AttentionBackward {
  public let forward: Attention
  public let outputGradient: Matrix
  public let queryGradient: Matrix
  public let keyGradient: Matrix
  public let valueGradient: Matrix

  public init(
    of forward: Attention, outputGradient: Matrix, queryGradient: Matrix, keyGradient: Matrix,
    valueGradient: Matrix
  ) {
    let shape = forward.shape
    outputGradient.requireShape(forward.output.rows, shape.width, "AttentionBackward output gradient")
    queryGradient.requireShape(forward.query.rows, shape.width, "AttentionBackward query gradient")
    keyGradient.requireShape(forward.key.rows, shape.width, "AttentionBackward key gradient")
    valueGradient.requireShape(forward.key.rows, shape.width, "AttentionBackward value gradient")
    self.forward = forward
    self.outputGradient = outputGradient
    self.queryGradient = queryGradient
    self.keyGradient = keyGradient
    self.valueGradient = valueGradient
  }
}
