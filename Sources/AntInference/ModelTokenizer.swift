import AntFiles
import AntText
import Foundation

extension Tokenizer {
  static let file = "tokenizer.json"

  /// Tokenizers in forms that are not read, by the names of their files.
  private static let otherForms: [(files: [String], what: String)] = [
    (["vocab.json", "merges.txt"], "a tokenizer in its older form"),
    (["tokenizer.model"], "a tokenizer of SentencePiece"),
    (["spiece.model"], "a tokenizer of SentencePiece"),
    (["sentencepiece.bpe.model"], "a tokenizer of SentencePiece"),
    (["vocab.txt"], "a vocabulary in its older form"),
  ]

  /// The tokenizer of the model in `folder`.
  ///
  /// - Throws: ``ModelTokenizerError``, `FileError` or `FileKindError`.
  init(ofModelIn folder: URL) throws {
    let file = folder.appending(path: Self.file)
    if !FileSystem.exists(file) {
      let other = Self.otherForms.first { form in
        form.files.allSatisfy { FileSystem.exists(folder.appending(path: $0)) }
      }
      throw ModelTokenizerError.missing(
        folder: folder.path, found: other.map { "\($0.files.joined(separator: " and ")): \($0.what)" })
    }
    do {
      try self.init(own: file)
    } catch let error as TokenizerError {
      throw ModelTokenizerError.unreadable(error)
    }
  }
}

/// A model without a tokenizer that is read, in one line: what, where, what to do.
public enum ModelTokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No tokenizer.json, and what there is in its place.
  case missing(folder: String, found: String?)
  /// Another tokenizer would not be that of the model.
  case unreadable(TokenizerError)

  public var description: String {
    switch self {
    case .missing(let folder, let found?):
      "\(folder): no \(Tokenizer.file), only \(found); AutoTokenizer.from_pretrained of transformers opens it, and "
        .onOneLine + "save_pretrained writes the file"
    case .missing(let folder, nil): "\(folder): no \(Tokenizer.file); copy that of the model there".onOneLine
    case .unreadable(.unsupported(let file, let feature)):
      "\(TokenizerError.unsupported(file: file, feature: feature).problem); take a model that has one of these"
    case .unreadable(let error): "\(error.problem); copy that of the model there again"
    }
  }
}
