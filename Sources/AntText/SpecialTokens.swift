/// The tokens that stand for no text: where lines begin and end, what is hidden, what only fills up.
public struct SpecialTokens: Sendable, Equatable, Codable {
  /// The ids of every BPE tokenizer trained here: 0, 1, 2, 3.
  public static let standard = SpecialTokens(padding: 0, beginning: 1, end: 2, mask: 3)

  /// Stands for a token that a vocabulary does not have; no token has this id.
  public static let absent: Int32 = -1

  /// Fills a sequence up to the length of its batch.
  public var padding: Int32
  /// Opens a line.
  public var beginning: Int32
  /// Closes a line.
  public var end: Int32
  /// Hides a token that is to be filled in; ``absent`` where the vocabulary has none.
  public var mask: Int32
  /// Further special tokens of a vocabulary made elsewhere.
  public var others: [Int32]

  public init(padding: Int32, beginning: Int32, end: Int32, mask: Int32, others: [Int32] = []) {
    self.padding = padding
    self.beginning = beginning
    self.end = end
    self.mask = mask
    self.others = others
  }

  /// The ids, ascending, each once.
  public var ids: [Int32] {
    Set([padding, beginning, end, mask] + others).filter { $0 != Self.absent }.sorted()
  }

  /// Whether a token is special.
  public func contains(_ id: Int32) -> Bool {
    id == padding || id == beginning || id == end || id == mask || others.contains(id)
  }
}
