import AntBatch
import AntModels
import AntRandom
import AntText

/// Continues a prompt, token by token, under the causal mask; the prompt may see itself both ways, as a prefix.
///
/// Each continuation ends at the end token or after as many tokens as asked for. When a text outgrows the
/// model's positions the window moves on by half of them: the model sees at least the newest half, and a key
/// and value is computed once or twice, not for every token.
public struct Generator {
  /// Continuations that are made side by side.
  private static let group = 16

  public let model: any LanguageModel
  public let specials: SpecialTokens
  /// Tokens there are: the model may be padded beyond them.
  public let vocabularySize: Int
  /// Whether the prompt sees itself both ways.
  public let readsPromptBothWays: Bool

  /// - Parameter vocabularySize: of the tokenizer; nil for the model's.
  public init(
    _ model: any LanguageModel, specials: SpecialTokens, vocabularySize: Int? = nil,
    readsPromptBothWays: Bool = false
  ) {
    self.model = model
    self.specials = specials
    self.vocabularySize = vocabularySize ?? model.vocabularySize
    self.readsPromptBothWays = readsPromptBothWays
  }

  /// Of a model and its tokenizer.
  public init(_ trained: TrainedModel, readsPromptBothWays: Bool = false) {
    self.init(
      trained.model, specials: trained.specials, vocabularySize: trained.tokenizer.vocabularySize,
      readsPromptBothWays: readsPromptBothWays)
  }

  /// - Parameters:
  ///   - prompt: ids after the beginning token, which is put in front.
  ///   - tokens: how many to add at most.
  ///   - count: how many continuations, each with draws of its own.
  /// - Returns: the added ids of each continuation, without the end token.
  public func callAsFunction(
    prompt: [Int32], tokens: Int, sampler: Sampler = Sampler(), seed: UInt64 = 1, count: Int = 1
  ) throws -> [[Int32]] {
    let first = [specials.beginning] + prompt
    guard first.count <= model.maximumLength else {
      throw InferenceError.tooLong(item: nil, tokens: first.count, maximum: model.maximumLength)
    }
    return try stride(from: 0, to: count, by: Self.group).flatMap { start in
      let samples = start..<min(start + Self.group, count)
      return try continuations(of: first, tokens: tokens, sampler: sampler, seed: seed, samples: samples)
    }
  }

  private func continuations(
    of first: [Int32], tokens: Int, sampler: Sampler, seed: UInt64, samples: Range<Int>
  ) throws -> [[Int32]] {
    let forbidden = Set(specials.ids).subtracting([specials.end])
    var window = Window(
      model, sequences: samples.count, longest: first.count + tokens,
      prefix: readsPromptBothWays ? first.count : 0)
    var texts = Array(repeating: first, count: samples.count)
    // A text that has ended goes on as end tokens, unseen, until all have.
    var ends = [Int?](repeating: nil, count: samples.count)
    for number in 0..<tokens where ends.contains(where: { $0 == nil }) {
      let logits = try window.nextLogits(texts)
      for (place, sample) in samples.enumerated() {
        guard ends[place] == nil else {
          texts[place].append(specials.end)
          continue
        }
        let stream = RandomStream(seed: seed, purpose: .generation, step: sample)
        let row = logits[place * model.vocabularySize..<(place + 1) * model.vocabularySize]
          .prefix(vocabularySize)
        guard
          let next = sampler.pick(
            row, draw: Double(stream.uniform(UInt64(number))), forbidden: forbidden, said: texts[place])
        else { throw InferenceError.notFinite }
        if next == specials.end { ends[place] = texts[place].count }
        texts[place].append(next)
      }
    }
    return zip(texts, ends).map { Array($0[first.count..<($1 ?? $0.count)]) }
  }
}

/// The part of some growing texts, all equally long, that the model sees.
private struct Window {
  private let model: any LanguageModel
  private let sequences: Int
  private let longest: Int
  /// Positions from the first on that see each other both ways; none where the window has moved on.
  private var prefix: Int
  private var start = 0
  private var cache: KeyValueCache?

  init(_ model: any LanguageModel, sequences: Int, longest: Int, prefix: Int) {
    self.model = model
    self.sequences = sequences
    self.longest = longest
    self.prefix = prefix
  }

  /// Logits after the last token of each text.
  mutating func nextLogits(_ texts: [[Int32]]) throws -> [Float] {
    let end = texts[0].count
    if end - start > model.maximumLength {
      start = end - (model.maximumLength + 1) / 2
      cache = nil
      prefix = 0
    }
    guard let transformer = model as? any Transformer else {
      let length = end - start
      let input = Batch(
        ids: texts.flatMap { $0[start...] },
        mask: AttentionMask(.prefix(prefix), sequences: sequences, length: length))
      return try model.logits(input, rows: texts.indices.map { Int32(($0 + 1) * length - 1) })
    }
    let cache = cache ?? transformer.makeCache(sequences: sequences, capacity: longest, prefix: prefix)
    self.cache = cache
    let known = start + cache.length
    return try transformer.nextLogits(texts.flatMap { $0[known...] }, cache: cache)
  }
}
