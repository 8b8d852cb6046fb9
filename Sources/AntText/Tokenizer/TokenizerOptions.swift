/// What a tokenizer that is to be learnt shall be like.
public struct TokenizerOptions: Sendable, Equatable {
  /// How pieces of text are cut into tokens.
  public enum Model: String, Sendable, CaseIterable {
    /// Specials `<pad>`, `<s>`, `</s>`, `[MASK]`; any bytes are encoded and decoded back exactly.
    case bpe
    /// LTG-BERT's: specials `[UNK]`, `[CLS]`, `[SEP]`, `[PAD]`, `[MASK]`, `[PAR]`, `[TAB]`.
    case wordpiece

    /// In the order of their ids, from 0.
    public var specialNames: [String] {
      switch self {
      case .bpe: ["<pad>", "<s>", "</s>", "[MASK]"]
      case .wordpiece: ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[PAR]", "[TAB]"]
      }
    }

    var specials: SpecialTokens {
      switch self {
      case .bpe: .standard
      case .wordpiece: SpecialTokens(padding: 3, beginning: 1, end: 2, mask: 4, others: [0, 5, 6])
      }
    }

    /// Specials and bytes.
    public var minimumVocabularySize: Int { specialNames.count + 256 }
  }

  public var model: Model
  /// Tokens in all; less is learnt where the text is too poor.
  public var vocabularySize: Int
  /// Pairs that occur less often are not learnt.
  public var minimumFrequency: Int
  /// What is done to text first; nil leaves it as it is.
  public var normalizer: NormalizationForm?
  /// Whether a text that begins with no space is given one, so that a word is the same token everywhere.
  public var addsPrefixSpace: Bool
  /// Whether every digit is a token of its own.
  public var separatesDigits: Bool

  /// Unless told otherwise, BPE is that of GPT-2 and WordPiece that of LTG-BERT.
  public init(
    _ model: Model = .bpe, vocabularySize: Int, minimumFrequency: Int? = nil,
    normalizer: NormalizationForm? = nil, addsPrefixSpace: Bool? = nil, separatesDigits: Bool? = nil
  ) {
    self.model = model
    self.vocabularySize = vocabularySize
    self.minimumFrequency = minimumFrequency ?? (model == .bpe ? 2 : 10)
    self.normalizer = normalizer
    self.addsPrefixSpace = addsPrefixSpace ?? (model == .wordpiece)
    self.separatesDigits = separatesDigits ?? (model == .wordpiece)
  }

  var segmentation: Segmentation {
    Segmentation(
      normalizer: Normalizer(forms: normalizer.map { [$0] } ?? []), addsPrefixSpace: addsPrefixSpace,
      digitsOfBytes: separatesDigits ? .individual : nil)
  }

  /// BPE texts are continued, so only their beginning is marked.
  var template: TokenTemplate {
    switch model {
    case .bpe: TokenTemplate(before: [model.specials.beginning])
    case .wordpiece: TokenTemplate(before: [model.specials.beginning], after: [model.specials.end])
    }
  }
}
