import AntBatch
import AntModels
import AntRandom
import AntText

/// Writes by unmasking (Nie et al., "LLaDA", 2025): everything to be written is hidden at first, and each of a number of
/// steps fills in the places that the model is most certain of, in the light of all others.
///
///     [MASK] × n  ->  at each hidden place a token is picked; of k steps that are left, the likeliest n / k stay
///
/// How likely a pick is, is its probability among all tokens, whatever the sampler made of it. The same weights that write
/// from left to right do so where they were trained on hidden tokens.
public struct MaskedGenerator {
  /// Texts that are made side by side.
  private static let group = 16

  public let model: any LanguageModel
  public let specials: SpecialTokens
  /// Tokens there are: the model may be padded beyond them.
  public let vocabularySize: Int
  /// How many positions before a hidden token the model predicts it (see ``AntText/Objective/shift``).
  public let shift: Int

  /// - Parameter vocabularySize: of the tokenizer; nil for the model's.
  public init(
    _ model: any LanguageModel, specials: SpecialTokens, vocabularySize: Int? = nil, shift: Int = 0
  ) {
    precondition((0...1).contains(shift), "MaskedGenerator: a shift of \(shift)")
    self.model = model
    self.specials = specials
    self.vocabularySize = vocabularySize ?? model.vocabularySize
    self.shift = shift
  }

  /// Of a model and its tokenizer.
  ///
  /// - Throws: ``InferenceError/notTrainedMasked(run:schedule:)`` or `TokenizerError` where it cannot fill in.
  public init(_ trained: TrainedModel) throws {
    try trained.tokenizer.requireMask()
    self.init(
      trained.model, specials: trained.specials, vocabularySize: trained.tokenizer.vocabularySize,
      shift: try trained.maskShift())
  }

  /// - Parameters:
  ///   - prompt: ids after the beginning token, which is put in front.
  ///   - tokens: how many to write; an end token ends a text before.
  ///   - steps: how many passes to write them in; no more than tokens, one each where nil.
  ///   - count: how many texts, each with draws of its own.
  /// - Returns: the written ids of each text, without the end token.
  public func callAsFunction(
    prompt: [Int32], tokens: Int, steps: Int? = nil, sampler: Sampler = Sampler(), seed: UInt64 = 1,
    count: Int = 1
  ) throws -> [[Int32]] {
    precondition(tokens >= 0 && steps ?? 1 >= 1, "MaskedGenerator: \(tokens) tokens in \(steps ?? 0) steps")
    let given = [specials.beginning] + prompt
    guard given.count + tokens <= model.maximumLength else {
      throw InferenceError.noRoom(
        place: "the text", prompt: given.count, tokens: tokens, maximum: model.maximumLength)
    }
    return try stride(from: 0, to: count, by: Self.group).flatMap { start in
      let samples = start..<min(start + Self.group, count)
      return try written(
        after: given, tokens: tokens, steps: min(steps ?? tokens, tokens), sampler: sampler, seed: seed,
        samples: samples)
    }
  }

  private func written(
    after given: [Int32], tokens: Int, steps: Int, sampler: Sampler, seed: UInt64, samples: Range<Int>
  ) throws -> [[Int32]] {
    let hidden = [Int32](repeating: specials.mask, count: tokens)
    var texts = samples.map { _ in given + hidden }
    // A prompt may hide tokens too.
    var left = texts[0].filter { $0 == specials.mask }.count
    for step in 0..<steps {
      let reveal = (left + steps - step - 1) / (steps - step)
      try pass(&texts, reveal: reveal, sampler: sampler) { text, position in
        let stream = RandomStream(seed: seed, purpose: .generation, layer: 1, step: samples.lowerBound + text)
        return Double(stream.uniform(UInt64(step) << 32 | UInt64(position)))
      }
      left -= reveal
    }
    return texts.map { text in
      let written = text[given.count...]
      return Array(written[..<(written.firstIndex(of: specials.end) ?? written.endIndex)])
    }
  }

  /// One pass over texts that hide equally many tokens each: the `reveal` likeliest picks of each take their places.
  private func pass(
    _ texts: inout [[Int32]], reveal: Int, sampler: Sampler, draw: (_ text: Int, _ position: Int) -> Double
  ) throws {
    let forbidden = Set(specials.ids).subtracting([specials.end])
    let length = texts[0].count
    let places = texts.map { text in text.indices.filter { text[$0] == specials.mask } }
    let rows = places.enumerated().flatMap { text, own in own.map { Int32(text * length + $0 - shift) } }
    let logits = try model.logits(
      Batch(texts.map { TokenSequence($0, seesAll: true) }, padding: specials.padding), rows: rows)
    var row = 0
    for text in texts.indices {
      var picks: [(position: Int, token: Int32, certainty: Double)] = []
      for position in places[text] {
        let all = logits[row * model.vocabularySize..<(row + 1) * model.vocabularySize]
        row += 1
        guard
          let token = sampler.pick(
            all.prefix(vocabularySize), draw: draw(text, position), forbidden: forbidden, said: texts[text]),
          let probabilities = all.probabilities
        else { throw InferenceError.notFinite }
        picks.append((position, token, probabilities[Int(token)]))
      }
      picks.sort { ($1.certainty, $0.position) < ($0.certainty, $1.position) }
      for pick in picks.prefix(reveal) { texts[text][pick.position] = pick.token }
    }
  }
}
