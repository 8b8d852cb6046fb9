/// An input, a configuration or a checkpoint that a model cannot use. Each description is one line: what,
/// where, what to do.
public enum ModelError: Error, Equatable, Sendable, CustomStringConvertible {
  case tooLong(length: Int, maximum: Int)
  case emptyInput
  case unknownToken(id: Int32, vocabulary: Int)
  case invalidConfiguration(file: String, problem: String)
  case unreadable(file: String, problem: String)
  /// A place that holds no model, or one in a form that is not read.
  case noModel(path: String, found: String, advice: String)
  case missingTensor(file: String, tensor: String)
  case unexpectedTensor(file: String, tensor: String)
  /// Two tensors that are one in the model differ in the file.
  case notTied(file: String, tensor: String, original: String)
  case wrongShape(file: String, tensor: String, found: [Int], expected: [Int])
  /// The tensors have the model's names with something before them, or without their beginning.
  case otherNames(file: String, found: String, expected: String)

  public var description: String { message.onOneLine }

  private var message: String {
    switch self {
    case .tooLong(let length, let maximum):
      "a sequence of \(length) tokens is longer than the model's \(maximum); shorten it"
    case .emptyInput:
      "the input has no tokens; give the model some text"
    case .unknownToken(let id, let vocabulary):
      "token \(id) is outside the model's vocabulary of \(vocabulary); "
        + "use the tokenizer the model was trained with"
    case .invalidConfiguration(let file, let problem):
      "\(file): \(problem); restore the file, or take a model of the kinds that are read"
    case .unreadable(let file, let problem):
      "\(file): \(problem); restore the file, or copy the folder anew"
    case .noModel(let path, let found, let advice):
      "\(path.isEmpty ? "''" : path): \(found); \(advice)"
    case .missingTensor(let file, let tensor):
      "\(file): no tensor '\(tensor)'; the file does not belong to the config.json beside it"
    case .unexpectedTensor(let file, let tensor):
      "\(file): tensor '\(tensor)' is no part of the model; "
        + "the file does not belong to the config.json beside it"
    case .notTied(let file, let tensor, let original):
      "\(file): tensor '\(tensor)' is not '\(original)', to which the model ties it; "
        + "models of which the two differ are not read"
    case .wrongShape(let file, let tensor, let found, let expected):
      "\(file): tensor '\(tensor)' has shape \(found), the model needs \(expected); "
        + "the file does not belong to the config.json beside it"
    case .otherNames(let file, let found, let expected):
      found.hasSuffix(expected)
        ? "\(file): tensor '\(found)' should be called '\(expected)', without '\(found.dropLast(expected.count))': "
          + "a model that was wrapped or compiled; save the model inside"
        : "\(file): tensor '\(found)' should be called '\(expected)', with "
          + "'\(expected.dropLast(found.count))' in front: a model without its head; save the one with it"
    }
  }
}
