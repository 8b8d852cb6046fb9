/// What one forward pass is fed, and one backward pass: the tokens a model sees, who sees whom, and what it is to say.
///
/// The loss of a batch is `sum of weight loss over its labels / denominator`; where nothing else is said, their mean.
public struct Batch: Sendable, Equatable {
  /// `sequences * length` ids, row-major: row `s * length + t` is position t of sequence s.
  public var ids: [Int32]
  public var mask: AttentionMask
  /// The rows that are to predict something, ascending, none twice.
  public var labelRows: [Int32]
  /// What each of ``labelRows`` is to predict: a token, or the number of a class.
  public var labels: [Int32]
  /// What each label counts; empty for 1 each.
  public var labelWeights: [Float] = []
  /// What the weighted sum is divided by; that of a step is the sum of its parts'.
  public var denominator: Double
  /// The labels of each group of sequences, of which the losses are summed apart; those of group g are `groups[g]`.
  public var groups: [Range<Int>] = []

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
    denominator = Double(labels.count)
  }

  /// Sequences side by side, each filled up to one length. Padding sees nothing and is seen by nobody. Groups are
  /// ascending.
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
    let areWeighted = sequences.contains { $0.labels.contains { $0.weight != 1 } }
    var weights: [Float] = []
    var groups: [Range<Int>] = []
    for (number, sequence) in sequences.enumerated() {
      precondition(
        sequence.group >= max(0, groups.count - 1), "Batch: group \(sequence.group) after \(groups.count - 1)"
      )
      while groups.count <= sequence.group { groups.append(labels.count..<labels.count) }
      ids += sequence.ids
      ids += repeatElement(padding, count: length - sequence.ids.count)
      for label in sequence.labels {
        rows.append(Int32(number * length + label.position))
        labels.append(label.value)
        if areWeighted { weights.append(label.weight) }
      }
      groups[sequence.group] = groups[sequence.group].lowerBound..<labels.count
    }
    self.init(
      ids: ids,
      mask: AttentionMask(
        length: length, sequences: sequences.map(\.documents)),
      labelRows: rows, labels: labels)
    labelWeights = weights
    denominator = sequences.reduce(0) { $0 + ($1.denominator ?? Double($1.labels.count)) }
    self.groups = groups
  }

  /// The weighted sum of its labels' losses.
  ///
  /// - Parameter losses: as many as labels.
  public func weightedSum(_ losses: [Float]) -> Double {
    precondition(losses.count == labels.count, "Batch: \(losses.count) losses of \(labels.count) labels")
    if labelWeights.isEmpty { return losses.reduce(0) { $0 + Double($1) } }
    return zip(losses, labelWeights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }

  public var sequences: Int { mask.sequences.count }
  public var length: Int { mask.length }
}
