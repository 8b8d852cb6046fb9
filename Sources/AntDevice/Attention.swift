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
  /// Multiplies q·k; positive, usually `1 / sqrt(headDimension)`.
  public var scale: Float

  public init(batch: Int, heads: Int, headDimension: Int, queryLength: Int, keyLength: Int, scale: Float) {
    precondition(
      batch > 0 && heads > 0 && headDimension > 0 && queryLength > 0 && keyLength > 0,
      "AttentionShape: \(batch) x \(heads) heads of \(headDimension), \(queryLength) x \(keyLength)")
    precondition(
      headDimension <= Self.maximumHeadDimension,
      "AttentionShape: heads of \(headDimension), at most \(Self.maximumHeadDimension)")
    precondition(scale > 0, "AttentionShape: a scale of \(scale)")
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
/// Row i sees the keys `firstKey[i] ..< endKey[i]` of its own sequence (see ``AntBatch/AttentionMask``); all heads
/// share the interval. No T x T matrix is ever in memory. A row that sees no key gives zeros and a
/// log-sum-exp of minus infinity.
///
/// With ``PositionScores``, scores depend on how far apart query and key are; with ``AttentionDropout``, some
/// of the weights are dropped: `out_i = sum_j softmax_j(s_ij) m_ij v_j`.
///
/// Below float32, Q, K and V (and backward the output's gradient) are rounded before anything is computed from
/// them, and a device may round weights and the gradients of scores as they enter a product. Sums, softmax,
/// log-sum-exp, position scores, dropout and all that is written are float32.
public struct Attention {
  public let shape: AttentionShape
  public let query: Matrix
  public let key: Matrix
  public let value: Matrix
  /// int32 pairs (firstKey, endKey), `[batch, queryLength, 2]`; `0 <= firstKey <= endKey <= keyLength`.
  public let keyRanges: BufferSlice
  public let output: Matrix
  public let positions: PositionScores?
  public let dropout: AttentionDropout?
  /// Of the products with Q, K and V, forward and backward.
  public let precision: Precision
  /// `log sum_j exp(s_ij)`, `[batch, heads, queryLength]`: what the backward pass needs.
  public let logSumExp: BufferSlice

  public init(
    _ shape: AttentionShape, query: Matrix, key: Matrix, value: Matrix, keyRanges: BufferSlice,
    positions: PositionScores? = nil, dropout: AttentionDropout? = nil, into output: Matrix,
    logSumExp: BufferSlice, precision: Precision = .float32
  ) {
    let queries = shape.batch * shape.queryLength
    let keys = shape.batch * shape.keyLength
    query.requireShape(queries, shape.width, "Attention query")
    key.requireShape(keys, shape.width, "Attention key")
    value.requireShape(keys, shape.width, "Attention value")
    output.requireShape(queries, shape.width, "Attention output")
    require(keyRanges, holds: 2 * queries, of: .int32, "Attention key ranges")
    require(logSumExp, holds: queries * shape.heads, of: .float32, "Attention logSumExp")
    positions?.requireFit(shape)
    if dropout != nil {
      precondition(
        shape.queryLength <= AttentionDropout.maximumQueries
          && shape.keyLength <= AttentionDropout.maximumKeys,
        "Attention: dropout of \(shape.queryLength) x \(shape.keyLength)")
    }
    self.shape = shape
    self.query = query
    self.key = key
    self.value = value
    self.keyRanges = keyRanges
    self.positions = positions
    self.dropout = dropout
    self.precision = precision
    self.output = output
    self.logSumExp = logSumExp
  }
}

/// The gradients of ``Attention``. With `p_ij = exp(s_ij - logSumExp_i)` on visible keys, else 0, and `m_ij` what
/// dropout multiplies by, else 1:
///
///     D_i   = do_i · out_i
///     ds_ij = p_ij (m_ij do_i · v_j - D_i)
///     dq_i  = scale sum_j ds_ij k_j      dk_j = scale sum_i ds_ij q_i      dv_j = sum_i p_ij m_ij do_i
///     da_ir = scale sum_j ds_ij [bucket(i - j) = r]      db_jr = scale sum_i ds_ij [bucket(i - j) = r]
///
/// The precision is the forward pass's: do is rounded as Q, K and V are.
///
/// Replaces what the gradient matrices held. A row that sees no key contributes nothing and gets zeros.
public struct AttentionBackward {
  public let forward: Attention
  public let outputGradient: Matrix
  public let queryGradient: Matrix
  public let keyGradient: Matrix
  public let valueGradient: Matrix
  /// Gradients of ``PositionScores/query`` and ``PositionScores/key``, of their shapes.
  public let positionGradients: (query: Matrix, key: Matrix)?

  public init(
    of forward: Attention, outputGradient: Matrix, queryGradient: Matrix, keyGradient: Matrix,
    valueGradient: Matrix, positionGradients: (query: Matrix, key: Matrix)? = nil
  ) {
    let shape = forward.shape
    outputGradient.requireShape(forward.output.rows, shape.width, "AttentionBackward output gradient")
    queryGradient.requireShape(forward.query.rows, shape.width, "AttentionBackward query gradient")
    keyGradient.requireShape(forward.key.rows, shape.width, "AttentionBackward key gradient")
    valueGradient.requireShape(forward.key.rows, shape.width, "AttentionBackward value gradient")
    precondition(
      (forward.positions == nil) == (positionGradients == nil),
      "AttentionBackward: position scores and their gradients come together")
    if let positionGradients, let positions = forward.positions {
      for (gradient, scores) in [
        (positionGradients.query, positions.query), (positionGradients.key, positions.key),
      ] {
        gradient.requireShape(scores.rows, scores.columns, "AttentionBackward position gradient")
      }
    }
    self.forward = forward
    self.outputGradient = outputGradient
    self.queryGradient = queryGradient
    self.keyGradient = keyGradient
    self.valueGradient = valueGradient
    self.positionGradients = positionGradients
  }
}
