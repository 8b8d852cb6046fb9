import AntBatch
import AntModels
import AntText

/// Predicts masked tokens under the bidirectional mask, where the model was trained to; all masks of a text at once.
public struct FillIn {
  /// A token and its probability among all tokens of the model.
  public struct Candidate: Sendable, Equatable {
    public var id: Int32
    public var probability: Double
  }

  public let model: any LanguageModel
  public let specials: SpecialTokens
  /// Tokens there are: the model may be padded beyond them.
  public let vocabularySize: Int

  /// How many positions before a hidden token the model predicts it.
  public let shift: Int

  /// `text` with the likeliest candidate in the place of each mask.
  public func filled(_ text: [Int32], with candidates: [[Candidate]]) -> [Int32] {
    var best = candidates.compactMap(\.first?.id).makeIterator()
    return text.map { $0 == specials.mask ? best.next() ?? $0 : $0 }
  }

  /// - Parameter vocabularySize: of the tokenizer; nil for the model's.
  public init(
    _ model: any LanguageModel, specials: SpecialTokens, vocabularySize: Int? = nil, shift: Int = 0
  ) {
    precondition((0...1).contains(shift), "FillIn: a shift of \(shift)")
    self.shift = shift
    self.model = model
    self.specials = specials
    self.vocabularySize = vocabularySize ?? model.vocabularySize
  }

  /// Of a model and its tokenizer.
  public init(_ trained: TrainedModel) {
    self.init(
      trained.model, specials: trained.specials, vocabularySize: trained.tokenizer.vocabularySize,
      shift: (try? trained.maskShift()) ?? 0)
  }

  /// The `top` likeliest tokens at each mask in `text`, likeliest first; special tokens are passed over.
  public func callAsFunction(_ text: [Int32], top: Int = 5) throws -> [[Candidate]] {
    let ids = [specials.beginning] + text + [specials.end]
    guard ids.count <= model.maximumLength else {
      throw InferenceError.tooLong(item: nil, tokens: ids.count, maximum: model.maximumLength)
    }
    let rows = ids.indices.filter { ids[$0] == specials.mask }.map { Int32($0) }
    guard !rows.isEmpty else { throw InferenceError.nothingToFill(mask: "[MASK]") }
    let batch = Batch([TokenSequence(ids, seesAll: true)], padding: specials.padding)
    let logits = try model.logits(batch, rows: rows.map { $0 - Int32(shift) })
    let hidden = Set(specials.ids)
    return try rows.indices.map { place in
      let row = logits[place * model.vocabularySize..<(place + 1) * model.vocabularySize]
      guard let probabilities = row.probabilities else { throw InferenceError.notFinite }
      return (0..<vocabularySize).lazy.map { Candidate(id: Int32($0), probability: probabilities[$0]) }
        .filter { !hidden.contains($0.id) }
        .sorted { ($1.probability, $0.id) < ($0.probability, $1.id) }
        .prefix(top).map { $0 }
    }
  }
}
