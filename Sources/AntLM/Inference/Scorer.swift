import Device
import Foundation
import Models
import Text

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

/// Scores texts by the rules of the BabyLM evaluation:
///
///     causal   log p(t_1 … t_n) = sum_i log p(t_i | <s> t_1 … t_(i-1))
///     masked   pseudo-log-likelihood = sum_i log p(t_i | <s> t_1 … [MASK] … t_n </s>), each token masked alone
///              (Salazar et al. 2020)
///
/// Texts of similar length share a batch, padded; padding sees nothing and is seen by nobody.
public struct Scorer {
  /// Which conditional probabilities are summed.
  public enum Mode: String, Sendable, CaseIterable { case causal, masked }

  /// Positions of one batch, padding included.
  private static let positions = 4096

  public let model: any LanguageModel
  public let specials: SpecialTokens

  public init(_ model: any LanguageModel, specials: SpecialTokens) {
    self.model = model
    self.specials = specials
  }

  /// One sequence to run: which text it belongs to, its ids, and its labels by position.
  private struct Sequence {
    var text: Int
    var ids: [Int32]
    var labels: [(position: Int, id: Int32)]
  }

  /// The score of each text, in order. A text without tokens scores zero.
  ///
  /// - Parameter progress: told how many sequences of how many are done.
  public func callAsFunction(
    _ texts: [[Int32]], _ mode: Mode, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> [Score] {
    var scores = texts.map { Score(tokens: $0.count) }
    let order = texts.indices.filter { !texts[$0].isEmpty }
      .sorted { (texts[$0].count, $0) < (texts[$1].count, $1) }
    for text in order {
      let count = texts[text].count + (mode == .causal ? 0 : 2)
      guard count <= model.maximumLength else {
        throw InferenceError.tooLong(item: text + 1, tokens: count, maximum: model.maximumLength)
      }
    }
    let total = order.reduce(0) { $0 + (mode == .causal ? 1 : texts[$1].count) }
    var done = 0
    var batch: [Sequence] = []
    func run() throws {
      for (sequence, losses) in zip(batch, try self.losses(batch, mode)) {
        scores[sequence.text].logProbability -= losses
      }
      done += batch.count
      progress(done, total)
      batch = []
    }
    for text in order {
      for sequence in sequences(text, texts[text], mode) {
        if (batch.count + 1) * sequence.ids.count > Self.positions && !batch.isEmpty { try run() }
        batch.append(sequence)
      }
    }
    if !batch.isEmpty { try run() }
    return scores
  }

  private func sequences(_ text: Int, _ tokens: [Int32], _ mode: Mode) -> [Sequence] {
    switch mode {
    case .causal:
      return [
        Sequence(
          text: text, ids: [specials.beginning] + tokens.dropLast(),
          labels: tokens.enumerated().map { (position: $0.offset, id: $0.element) })
      ]
    case .masked:
      return tokens.indices.map { place in
        var ids = [specials.beginning] + tokens + [specials.end]
        ids[place + 1] = specials.mask
        return Sequence(text: text, ids: ids, labels: [(position: place + 1, id: tokens[place])])
      }
    }
  }

  /// The summed loss of each sequence.
  private func losses(_ batch: [Sequence], _ mode: Mode) throws -> [Double] {
    let length = batch.map(\.ids.count).max() ?? 0
    var ids: [Int32] = []
    var rows: [Int32] = []
    var labels: [Int32] = []
    for (index, sequence) in batch.enumerated() {
      ids += sequence.ids + Array(repeating: specials.padding, count: length - sequence.ids.count)
      rows += sequence.labels.map { Int32(index * length + $0.position) }
      labels += sequence.labels.map(\.id)
    }
    let mask = AttentionMask(
      mode == .causal ? .causal : .bidirectional, lengths: batch.map(\.ids.count), length: length)
    let losses = try model.losses(
      ModelInput(ids: ids, mask: mask), labels: Labels(rows: rows, ids: labels))
    var place = 0
    return try batch.map { sequence in
      let own = losses[place..<place + sequence.labels.count]
      place += sequence.labels.count
      let sum = own.reduce(0.0) { $0 + Double($1) }
      guard sum.isFinite else { throw InferenceError.notFinite }
      return sum
    }
  }
}
