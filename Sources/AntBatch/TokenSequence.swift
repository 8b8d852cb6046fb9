/// One sequence as a model is to read it: its tokens, who sees whom, and what is to be said where.
public struct TokenSequence: Sendable, Equatable {
  /// A position that is to predict something, and what.
  public struct Label: Sendable, Equatable {
    public var position: Int
    /// A token, or the number of a class.
    public var value: Int32
    /// What it counts.
    public var weight: Float

    public init(_ value: Int32, at position: Int, weight: Float = 1) {
      self.position = position
      self.value = value
      self.weight = weight
    }
  }

  public var ids: [Int32]
  /// What is packed in it, one after another; positions of one see nothing of another.
  public var documents: [AttentionMask.Document]
  /// By position, ascending.
  public var labels: [Label]
  /// A batch's loss is the weighted sum of its labels' losses over the sum of these; nil for as many as it has labels.
  public var denominator: Double?
  /// Which of a batch's losses its labels are summed in, from 0.
  public var group = 0

  /// One document.
  ///
  /// - Parameter prefix: how many of the first positions see each other both ways; those after see what came before. 0 is
  ///   causal, all of them is bidirectional.
  public init(_ ids: [Int32], prefix: Int, labels: [Label] = []) {
    self.ids = ids
    documents = [.init(0..<ids.count, prefix: prefix)]
    self.labels = labels
  }

  /// - Parameter seesAll: whether every position sees every other, rather than what came before it.
  public init(_ ids: [Int32], seesAll: Bool, labels: [Label] = []) {
    self.init(ids, prefix: seesAll ? ids.count : 0, labels: labels)
  }

  /// Cuts its documents at `starts`: each part keeps what of the prefix lies in it, and sees the others no more.
  ///
  /// - Parameters:
  ///   - starts: positions where a document begins, ascending.
  ///   - shift: how many positions before its token each label stands; labels of another document's token go.
  public mutating func split(at starts: [Int], shift: Int) {
    var parts: [AttentionMask.Document] = []
    for document in documents {
      let (whole, prefix) = (document.positions, document.positions.lowerBound + document.prefix)
      let bounds =
        [whole.lowerBound] + starts.filter { whole.lowerBound < $0 && $0 < whole.upperBound }
        + [whole.upperBound]
      parts += zip(bounds, bounds.dropFirst()).map { .init($0..<$1, prefix: prefix - $0) }
    }
    documents = parts
    labels.removeAll { label in starts.contains { label.position < $0 && $0 <= label.position + shift } }
  }
}
