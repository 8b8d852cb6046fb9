/// What one forward pass is fed, and one backward pass: the tokens a model sees, who sees whom, and what it is to say.
public struct Batch: Sendable, Equatable {
  /// `sequences * length` ids, row-major: row `s * length + t` is position t of sequence s.
  public var ids: [Int32]
  public var mask: AttentionMask
  /// The rows that are to predict something, ascending, none twice.
  public var labelRows: [Int32]
  /// What each of ``labelRows`` is to predict: a token, or the number of a class.
  public var labels: [Int32]

  /// - Parameters:
  ///   - labelRows: rows of `ids`, ascending.
  ///   - labels: as many as rows.
  public init(ids: [Int32], mask: AttentionMask, labelRows: [Int32] = [], labels: [Int32] = []) {
    precondition(
      ids.count == mask.sequences.count * mask.length,
      "Batch: \(ids.count) ids for \(mask.sequences.count) sequences of \(mask.length)")
    precondition(
      labelRows.count == labels.count, "Batch: \(labels.count) labels for \(labelRows.count) rows")
    self.ids = ids
    self.mask = mask
    self.labelRows = labelRows
    self.labels = labels
  }

  /// Sequences side by side, each filled up to one length. Padding sees nothing and is seen by nobody.
  ///
  /// - Parameters:
  ///   - padding: the token to fill up with.
  ///   - length: nil for the longest sequence's.
  public init(_ sequences: [TokenSequence], padding: Int32, length: Int? = nil) {
    let length = length ?? sequences.map(\.ids.count).max() ?? 0
    var ids: [Int32] = []
    var rows: [Int32] = []
    var labels: [Int32] = []
    ids.reserveCapacity(sequences.count * length)
    rows.reserveCapacity(sequences.reduce(0) { $0 + $1.labels.count })
    labels.reserveCapacity(rows.capacity)
    for (number, sequence) in sequences.enumerated() {
      ids += sequence.ids
      ids += repeatElement(padding, count: length - sequence.ids.count)
      for label in sequence.labels {
        rows.append(Int32(number * length + label.position))
        labels.append(label.value)
      }
    }
    self.init(
      ids: ids,
      mask: AttentionMask(
        length: length, sequences: sequences.map { [.init(0..<$0.ids.count, prefix: $0.prefix)] }),
      labelRows: rows, labels: labels)
  }

  public var sequences: Int { mask.sequences.count }
  public var length: Int { mask.length }
}
