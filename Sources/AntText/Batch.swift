import AntDevice

/// What one forward and backward pass is fed: the tokens a model sees, who sees whom, and what it is to say.
public struct Batch: Sendable {
  /// The input tokens [sequences, length], row-major.
  public let ids: [Int32]
  public let sequences: Int
  public let length: Int
  public let mask: AttentionMask
  /// The rows (sequence * length + position) that are to predict something, ascending.
  public let labelRows: [Int32]
  /// What each of ``labelRows`` is to predict.
  public let labels: [Int32]

  public init(
    ids: [Int32], sequences: Int, length: Int, mask: AttentionMask, labelRows: [Int32], labels: [Int32]
  ) {
    precondition(
      ids.count == sequences * length, "Batch: \(ids.count) ids for [\(sequences), \(length)]")
    precondition(
      labelRows.count == labels.count, "Batch: \(labels.count) labels for \(labelRows.count) rows")
    self.ids = ids
    self.sequences = sequences
    self.length = length
    self.mask = mask
    self.labelRows = labelRows
    self.labels = labels
  }
}
