/// Cross-entropy of each row of logits against its label, and its gradient, in one pass:
///
///     loss[r]       = weight[r] (s[r] - x[r, label])          s[r] = log sum_c exp(x[r, c])
///     dx[r, c]      = scale weight[r] ((1 + 2 zLoss s[r]) exp(x[r, c] - s[r]) - [c = label])
///
/// the second of which is the gradient of `scale (loss + weight zLoss s^2)`. The z-loss, that square, keeps s near 0
/// (Chowdhery et al., "PaLM", 2022) and is no part of the losses. A row whose label is negative is ignored: loss and
/// gradient 0. Losses are in nats and not scaled. The gradient may overwrite the logits, so that the logits of a chunk are
/// the only ones ever in memory.
public struct CrossEntropy {
  public let logits: Matrix
  /// int32, one a row; negative means ignored.
  public let labels: BufferSlice
  public let losses: BufferSlice
  /// Nil where only the losses are wanted.
  public let gradient: Matrix?
  /// Usually 1 / (labels in the whole effective batch).
  public let scale: Float
  /// What each row counts, one float a row; nil for 1.
  public let weights: BufferSlice?
  /// What the square of a row's log-sum-exp counts beside its loss; 0 for nothing.
  public let zLoss: Float

  public init(
    _ logits: Matrix, labels: BufferSlice, losses: BufferSlice, gradient: Matrix? = nil, scale: Float = 1,
    weights: BufferSlice? = nil, zLoss: Float = 0
  ) {
    require(labels, holds: logits.rows, of: .int32, "CrossEntropy labels")
    require(losses, holds: logits.rows, of: .float32, "CrossEntropy losses")
    gradient?.requireShape(logits.rows, logits.columns, "CrossEntropy gradient")
    if let weights { require(weights, holds: logits.rows, of: .float32, "CrossEntropy weights") }
    self.logits = logits
    self.labels = labels
    self.losses = losses
    self.gradient = gradient
    self.scale = scale
    self.weights = weights
    self.zLoss = zLoss
  }
}
