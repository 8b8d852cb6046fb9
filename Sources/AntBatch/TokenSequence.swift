/// One sequence as a model is to read it: its tokens, who sees whom, and what is to be said where.
public struct TokenSequence: Sendable, Equatable {
  /// A position that is to predict something, and what.
  public struct Label: Sendable, Equatable {
    public var position: Int
    /// A token, or the number of a class.
    public var value: Int32

    public init(_ value: Int32, at position: Int) {
      self.position = position
      self.value = value
    }
  }

  public var ids: [Int32]
  /// How many of the first positions see each other both ways; those after see what came before. 0 is causal,
  /// all of them is bidirectional.
  public var prefix: Int
  /// By position, ascending.
  public var labels: [Label]
  /// What each of its labels counts.
  public var weight: Float = 1
  /// A batch's loss is the weighted sum of its labels' losses over the sum of these; nil for as many as it has labels.
  public var denominator: Double?
  /// Which of a batch's losses its labels are summed in, from 0.
  public var group = 0

  public init(_ ids: [Int32], prefix: Int, labels: [Label] = []) {
    self.ids = ids
    self.prefix = prefix
    self.labels = labels
  }

  /// - Parameter seesAll: whether every position sees every other, rather than what came before it.
  public init(_ ids: [Int32], seesAll: Bool, labels: [Label] = []) {
    self.init(ids, prefix: seesAll ? ids.count : 0, labels: labels)
  }
}
