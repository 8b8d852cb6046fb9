import AntBatch
import AntModels
import AntText
import Foundation

/// Which conditional probabilities of a text are summed, t_1 … t_n being its tokens:
///
///     causal   log p(t_i | <s> t_1 … t_(i-1))
///     mlm      log p(t_i | <s> t_1 … [MASK] … t_n </s>), each token masked alone: the pseudo-log-likelihood
///              (Salazar et al. 2020)
///     mntp     the same without </s>, read one position earlier, as MNTP predicts (GPT-BERT)
///     prefix   as causal, where what the text is given is read both ways, as PrefixLM reads it
public enum Scoring: String, Sendable, CaseIterable {
  case causal, mlm, mntp, prefix

  /// Whether each token is masked alone.
  public var needsMaskToken: Bool { !readsOnce }
  /// Whether one pass over a text scores all its tokens.
  fileprivate var readsOnce: Bool { self == .causal || self == .prefix }

  /// Positions that a text takes, special tokens included.
  package func positions(_ text: ScoredText) -> Int {
    switch self {
    case .causal, .prefix: text.tokens.count
    case .mlm: text.tokens.count + 2
    case .mntp: text.tokens.count + 1
    }
  }
}

/// How probable a text is to the model.
public struct Score: Sendable, Equatable {
  /// Tokens scored.
  public var tokens: Int
  /// Sum over the tokens, in nats.
  public var logProbability: Double

  public init(tokens: Int = 0, logProbability: Double = 0) {
    self.tokens = tokens
    self.logProbability = logProbability
  }

  /// `exp(-logProbability / tokens)`.
  public var perplexity: Double { exp(-logProbability / Double(tokens)) }

  public static func += (sum: inout Score, score: Score) {
    sum.tokens += score.tokens
    sum.logProbability += score.logProbability
  }
}

/// A text to be scored from one of its tokens on; those before it are what it is given.
public struct ScoredText: Sendable, Equatable {
  public var tokens: [Int32]
  /// Index of the first token that counts.
  public var start: Int
  /// How many positions, the beginning token's first, see each other both ways where one pass scores all tokens: at most
  /// those before the first token that counts.
  public var prefix: Int

  public init(_ tokens: [Int32], from start: Int = 0, prefix: Int = 0) {
    precondition((0...tokens.count).contains(start), "ScoredText: from \(start) of \(tokens.count)")
    precondition((0...start + 1).contains(prefix), "ScoredText: a prefix of \(prefix) before \(start)")
    self.tokens = tokens
    self.start = start
    self.prefix = prefix
  }
}

/// Scores texts by the rules of the BabyLM evaluation (see ``Scoring``).
///
/// Texts of similar length share a batch, padded; padding sees nothing and is seen by nobody.
public struct Scorer {
  /// Positions of one batch, padding included, unless told otherwise.
  public static let defaultPositions = 4096

  public let model: any LanguageModel
  public let specials: SpecialTokens
  private let positions: Int

  public init(
    _ model: any LanguageModel, specials: SpecialTokens, positions: Int = Self.defaultPositions
  ) {
    self.model = model
    self.specials = specials
    self.positions = positions
  }

  /// The score of each text, in order. A text without tokens that count scores zero.
  ///
  /// - Parameter progress: told how many positions of how many are done; what it throws ends the scoring.
  /// - Throws: ``InferenceError/tooLong(item:tokens:maximum:)``, the item counted from 1.
  public func callAsFunction(
    _ texts: [ScoredText], _ scoring: Scoring, progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> [Score] {
    var scores = texts.map { Score(tokens: $0.tokens.count - $0.start) }
    // Each sequence to run: all that counts of a text, or one masked token of it.
    var places: [(text: Int, counted: Range<Int>)] = []
    var total = 0
    for (text, scored) in texts.enumerated() where scores[text].tokens > 0 {
      let count = scoring.positions(scored)
      guard count <= model.maximumLength else {
        throw InferenceError.tooLong(item: text + 1, tokens: count, maximum: model.maximumLength)
      }
      let counted = scored.start..<scored.tokens.count
      places += scoring.readsOnce ? [(text, counted)] : counted.map { (text, $0..<$0 + 1) }
      total += count * (scoring.readsOnce ? 1 : counted.count)
    }
    var done = 0
    let batches = places.indices.batches(positions: positions) { scoring.positions(texts[places[$0].text]) }
    for batch in batches {
      let sequences = batch.map { sequence(texts[places[$0].text], places[$0].counted, scoring) }
      for (place, losses) in zip(batch, try self.losses(sequences)) {
        scores[places[place].text].logProbability -= losses
      }
      done += sequences.reduce(0) { $0 + $1.ids.count }
      try progress(done, total)
    }
    return scores
  }

  private func sequence(_ scored: ScoredText, _ counted: Range<Int>, _ scoring: Scoring) -> TokenSequence {
    let tokens = scored.tokens
    if scoring.readsOnce {
      return TokenSequence(
        [specials.beginning] + tokens.dropLast(), prefix: scored.prefix,
        labels: counted.map { .init(tokens[$0], at: $0) })
    }
    let masked = counted.lowerBound
    var ids = [specials.beginning] + tokens + (scoring == .mlm ? [specials.end] : [])
    ids[masked + 1] = specials.mask
    return TokenSequence(
      ids, seesAll: true, labels: [.init(tokens[masked], at: scoring == .mlm ? masked + 1 : masked)])
  }

  /// The summed loss of each sequence.
  private func losses(_ sequences: [TokenSequence]) throws -> [Double] {
    let losses = try model.losses(Batch(sequences, padding: specials.padding))
    var place = 0
    return try sequences.map { sequence in
      let own = losses[place..<place + sequence.labels.count]
      place += sequence.labels.count
      let sum = own.reduce(0.0) { $0 + Double($1) }
      guard sum.isFinite else { throw InferenceError.notFinite }
      return sum
    }
  }
}
