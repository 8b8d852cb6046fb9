import Foundation

/// Hugging Face's tokenizer.json: the parts of it that a byte-level BPE tokenizer has.
///
///     added_tokens   [{id, content, lstrip, rstrip, single_word, special, normalized}]
///     pre_tokenizer  {type: ByteLevel, add_prefix_space, use_regex}, alone or in a Sequence
///     decoder        {type: ByteLevel}
///     model          {type: BPE, vocab: {token: id}, merges: ["a b", …] or [["a", "b"], …], …}
///
/// The post-processor is not read: who encodes adds the specials.
struct TokenizerFile: Decodable {
  struct Added: Decodable {
    var id: Int
    var content: String
    var lstrip: Bool?
    var rstrip: Bool?
    var singleWord: Bool?
    var special: Bool?

    enum CodingKeys: String, CodingKey {
      case id, content, lstrip, rstrip, special
      case singleWord = "single_word"
    }
  }

  struct Component: Decodable {
    var type: String?
    var addPrefixSpace: Bool?
    var useRegex: Bool?
    var pretokenizers: [Component]?

    enum CodingKeys: String, CodingKey {
      case type, pretokenizers
      case addPrefixSpace = "add_prefix_space"
      case useRegex = "use_regex"
    }
  }

  struct Model: Decodable {
    var type: String?
    var vocab: [String: Int]
    var merges: [Merge]
    var dropout: Double?
    var continuingSubwordPrefix: String?
    var endOfWordSuffix: String?
    var ignoreMerges: Bool?

    enum CodingKeys: String, CodingKey {
      case type, vocab, merges, dropout
      case continuingSubwordPrefix = "continuing_subword_prefix"
      case endOfWordSuffix = "end_of_word_suffix"
      case ignoreMerges = "ignore_merges"
    }
  }

  enum Merge: Decodable {
    case pair(String, String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      let parts: [String]
      if let text = try? container.decode(String.self) {
        parts = text.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      } else {
        parts = try container.decode([String].self)
      }
      guard parts.count == 2 else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "a merge is no pair")
      }
      self = .pair(parts[0], parts[1])
    }
  }

  var addedTokens: [Added]?
  var normalizer: Component?
  var preTokenizer: Component?
  var decoder: Component?
  var model: Model

  enum CodingKeys: String, CodingKey {
    case normalizer, decoder, model
    case addedTokens = "added_tokens"
    case preTokenizer = "pre_tokenizer"
  }

  static func decode(_ data: Data, file: String) throws -> TokenizerFile {
    do {
      return try JSONDecoder().decode(TokenizerFile.self, from: data)
    } catch let error as DecodingError {
      throw TokenizerError.malformed(file: file, reason: reason(error))
    } catch {
      throw TokenizerError.malformed(file: file, reason: "it is no JSON")
    }
  }

  /// The error in one line, naming the place.
  private static func reason(_ error: DecodingError) -> String {
    func place(_ path: [any CodingKey]) -> String {
      path.isEmpty
        ? "the top" : path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, let context):
      return "no '\(key.stringValue)' at \(place(context.codingPath))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "unexpected kind of value at \(place(context.codingPath))"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "unexpected value at \(place(context.codingPath))"
    default: return "it is no JSON"
    }
  }
}
