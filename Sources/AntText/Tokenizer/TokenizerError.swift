/// Why a tokenizer cannot be read, trained or used.
public enum TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file is JSON of another kind, or none.
  case malformed(file: String, reason: String)
  /// The file asks for something byte-level BPE and WordPiece do not do here.
  case unsupported(file: String, feature: String)
  case noMask
  case vocabularyTooSmall(requested: Int, minimum: Int)
  case vocabularyTooLarge(requested: Int, maximum: Int)

  public var description: String { "\(problem)\(advice.map { "; \($0)" } ?? "")" }

  /// What is wrong, without what helps where any other tokenizer does as well.
  package var problem: String {
    let text =
      switch self {
      case .malformed(let file, let reason):
        "\(file) is not a tokenizer.json of byte-level BPE or WordPiece: \(reason)"
      case .unsupported(let file, let feature):
        "\(file): \(feature) is not supported, only BPE and WordPiece over bytes (ByteLevel, as in GPT-2 and LTG-BERT) "
          + "are"
      case .noMask: "the tokenizer has no mask token ([MASK] or <mask>)"
      case .vocabularyTooSmall(let requested, let minimum):
        "a vocabulary of \(requested) tokens is too small: 256 bytes and 4 specials need at least \(minimum)"
      case .vocabularyTooLarge(let requested, let maximum):
        "a vocabulary of \(requested) tokens is too large: ask for at most \(maximum)"
      }
    return text.onOneLine
  }

  private var advice: String? {
    switch self {
    case .malformed: "train one that is"
    case .unsupported: "train one of these"
    case .noMask: "take one that has"
    case .vocabularyTooSmall, .vocabularyTooLarge: nil
    }
  }
}
