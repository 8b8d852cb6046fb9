import Foundation

/// Hugging Face's tokenizer.json: the parts of it that a tokenizer over bytes has.
///
///     added_tokens    [{id, content, lstrip, rstrip, single_word, special, normalized}]
///     normalizer      NFC, NFD, NFKC, NFKD, or a Sequence of them
///     pre_tokenizer   ByteLevel, with Digits before or after it in a Sequence
///     post_processor  TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, or a Sequence of them
///     decoder         ByteLevel
///     model           BPE: vocab {token: id}, merges ["a b", …] or [["a", "b"], …]
///                     WordPiece: vocab, unk_token, max_input_chars_per_word
struct TokenizerFile: Decodable {
  struct Added: Decodable {
    var id: Int
    var content: String
    var lstrip: Bool?
    var rstrip: Bool?
    var singleWord: Bool?
    var special: Bool?
    var normalized: Bool?

    enum CodingKeys: String, CodingKey {
      case id, content, lstrip, rstrip, special, normalized
      case singleWord = "single_word"
    }
  }

  struct Component: Decodable {
    var type: String?
    var addPrefixSpace: Bool?
    var useRegex: Bool?
    var individualDigits: Bool?
    var pretokenizers: [Component]?
    var normalizers: [Component]?

    enum CodingKeys: String, CodingKey {
      case type, pretokenizers, normalizers
      case addPrefixSpace = "add_prefix_space"
      case useRegex = "use_regex"
      case individualDigits = "individual_digits"
    }

    /// The components in order, where there is a sequence of them.
    var sequence: [Component] {
      type == "Sequence" ? (pretokenizers ?? normalizers ?? []).flatMap(\.sequence) : [self]
    }
  }

  struct Model: Decodable {
    var type: String?
    var vocab: [String: Int]
    var merges: [Merge]?
    var unknownToken: String?
    var longestWord: Int?
    var dropout: Double?
    var continuingSubwordPrefix: String?
    var endOfWordSuffix: String?
    var ignoreMerges: Bool?

    enum CodingKeys: String, CodingKey {
      case type, vocab, merges, dropout
      case unknownToken = "unk_token"
      case longestWord = "max_input_chars_per_word"
      case continuingSubwordPrefix = "continuing_subword_prefix"
      case endOfWordSuffix = "end_of_word_suffix"
      case ignoreMerges = "ignore_merges"
    }
  }

  struct PostProcessor: Decodable {
    struct Step: Decodable {
      struct Name: Decodable { var id: String }

      var specialToken: Name?
      var sequence: Name?

      enum CodingKeys: String, CodingKey {
        case specialToken = "SpecialToken"
        case sequence = "Sequence"
      }
    }

    struct SpecialToken: Decodable { var ids: [Int] }

    /// A token and its id.
    struct Named: Decodable {
      var id: Int

      init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        _ = try container.decode(String.self)
        id = try container.decode(Int.self)
      }
    }

    var type: String?
    var processors: [PostProcessor]?
    var single: [Step]?
    var specialTokens: [String: SpecialToken]?
    var sep: Named?
    var cls: Named?

    enum CodingKeys: String, CodingKey {
      case type, processors, single, sep, cls
      case specialTokens = "special_tokens"
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
  var postProcessor: PostProcessor?
  var decoder: Component?
  var model: Model

  enum CodingKeys: String, CodingKey {
    case normalizer, decoder, model
    case addedTokens = "added_tokens"
    case preTokenizer = "pre_tokenizer"
    case postProcessor = "post_processor"
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
