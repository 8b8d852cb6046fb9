/// Why a model cannot be taught to translate, or cannot translate. Each description is one line: what, where, what
/// to do.
public enum TranslationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Every pair is longer than the model has positions.
  case nothingFits(source: String, target: String, maximum: Int)
  /// A folder that says nothing of translating.
  case noMask(folder: String)
  /// What a folder says of it cannot be understood.
  case damaged(path: String, problem: String)

  public var description: String { message.onOneLine }

  private var message: String {
    switch self {
    case .nothingFits(let source, let target, let maximum):
      "\(source), \(target): no pair fits the model's \(maximum) positions; give shorter lines or a model with more"
    case .noMask(let folder):
      "\(folder) does not say how it reads a source (it has no \(Translator.fileName)); say which mask it was fine-tuned under, prefix or causal"
    case .damaged(let path, let problem):
      "\(path): \(problem), where {\"mask\": \"prefix\"} or {\"mask\": \"causal\"} belongs; mend it, or say which of the two it is"
    }
  }
}
