/// Cross-entropy of each row of logits against its label, and its gradient, in one pass:
///
///     loss[r]       = log sum_c exp(x[r, c]) - x[r, label]
///     dx[r, c]      = scale (exp(x[r, c] - logSumExp) - [c = label])
///
/// A row whose label is negative is ignored: loss and gradient 0. Losses are in nats and not scaled. The
/// gradient may overwrite the logits, so that the logits of a chunk are the only ones ever in memory.
public struct CrossEntropy {
  public let logits: Matrix
  /// int32, one a row; negative means ignored.
  public let labels: BufferSlice
  public let losses: BufferSlice
  /// The gradient of `scale * sum(losses)`; nil where only the losses are wanted.
  public let gradient: Matrix?
  /// Usually 1 / (labels in the whole effective batch).
  public let scale: Float

  public init(
    _ logits: Matrix, labels: BufferSlice, losses: BufferSlice, gradient: Matrix? = nil, scale: Float = 1
  ) {
    require(labels, holds: logits.rows, of: .int32, "CrossEntropy labels")
    require(losses, holds: logits.rows, of: .float32, "CrossEntropy losses")
    gradient?.requireShape(logits.rows, logits.columns, "CrossEntropy gradient")
    self.logits = logits
    self.labels = labels
    self.losses = losses
    self.gradient = gradient
    self.scale = scale
  }
}
