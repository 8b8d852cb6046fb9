import AntFiles
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
    var vocab: [ExactText: Int]
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
    var specialTokens: [ExactText: SpecialToken]?
    var sep: Named?
    var cls: Named?

    enum CodingKeys: String, CodingKey {
      case type, processors, single, sep, cls
      case specialTokens = "special_tokens"
    }
  }

  struct Merge: Decodable {
    var left: String
    var right: String

    init(from decoder: any Decoder) throws {
      switch try JSON(from: decoder) {
      case .string(let text):
        let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        if parts.count == 2 {
          (left, right) = (String(Substring(parts[0])), String(Substring(parts[1])))
          return
        }
      case .array(let parts):
        if parts.count == 2, case .string(let first) = parts[0], case .string(let second) = parts[1] {
          (left, right) = (first, second)
          return
        }
      default: break
      }
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "merge \(decoder.codingPath.last?.intValue ?? 0) is no pair of tokens"))
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
      return try JSONReader().decode(TokenizerFile.self, from: data)
    } catch let error as DecodingError {
      throw TokenizerError.malformed(file: file, reason: error.problem)
    }
  }
}
