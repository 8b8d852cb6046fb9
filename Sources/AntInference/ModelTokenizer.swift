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
  /// - Throws: `TokenizerError`; where there is no tokenizer.json, it names what there is.
  init(ofModelIn folder: URL) throws {
    let file = folder.appending(path: Self.file)
    if !FileSystem.exists(file) {
      let other = Self.otherForms.first { form in
        form.files.allSatisfy { FileSystem.exists(folder.appending(path: $0)) }
      }
      throw ModelTokenizerError(
        folder: folder.path, found: other.map { "\($0.files.joined(separator: " and ")): \($0.what)" })
    }
    try self.init(contentsOf: file)
  }
}

/// A model without a tokenizer that is read, in one line: what, where, what to do.
public struct ModelTokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  public var folder: String
  /// What is there in its place.
  public var found: String?

  public var description: String {
    let advice =
      found.map {
        ", only \($0); AutoTokenizer.from_pretrained of transformers opens it, and save_pretrained writes the file"
      } ?? "; copy that of the model there"
    return "\(folder): no \(Tokenizer.file)\(advice)".onOneLine
  }
}
