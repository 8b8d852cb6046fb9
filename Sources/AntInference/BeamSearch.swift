import AntModels
import AntText
import Foundation

/// Finds likely continuations of prompts, several of each side by side (Graves 2012; Sutskever et al. 2014).
///
/// Of every hypothesis alive all next tokens are considered, and of all these the `width` likeliest that do not end
/// live on; one that ends is kept if it is among the `width` likeliest of its step. A prompt is done when `width`
/// hypotheses have ended or its tokens are used up. What ended is ordered by (Wu et al. 2016)
///
///     score = log p(tokens | prompt) / ((5 + n) / 6)^alpha      n tokens, the end token counted
///
/// so that alpha 0 orders by probability and a larger one favors length. Where nothing has ended, what is alive is
/// given instead. Equal candidates are ordered by hypothesis, then by id. Width 1 always takes the likeliest token.
///
/// Prompts of equal length run together, on one ``AntModels/KeyValueCache``: no padding comes in.
public struct BeamSearch {
  /// Tokens after a prompt.
  public struct Hypothesis: Sendable, Equatable {
    /// Without the end token.
    public var ids: [Int32]
    /// In nats, the end token's included.
    public var logProbability: Double
    public var hasEnded: Bool

    /// What hypotheses are ordered by.
    public func score(lengthPenalty: Double) -> Double {
      logProbability / pow(Double(5 + ids.count + (hasEnded ? 1 : 0)) / 6, lengthPenalty)
    }
  }

  /// Sequences that run side by side, and positions their keys and values take, at most (or one prompt's).
  private static let rows = 128
  private static let positions = 8192

  public let model: any Transformer
  public let specials: SpecialTokens
  /// Tokens there are: the model may be padded beyond them.
  public let vocabularySize: Int
  /// Hypotheses kept of each prompt.
  public let width: Int
  /// Alpha.
  public let lengthPenalty: Double
  /// Whether a prompt sees itself both ways.
  public let readsPromptBothWays: Bool

  /// - Parameter vocabularySize: of the tokenizer; nil for the model's.
  public init(
    _ model: any Transformer, specials: SpecialTokens, vocabularySize: Int? = nil, width: Int = 4,
    lengthPenalty: Double = 0.6, readsPromptBothWays: Bool = false
  ) {
    precondition(width >= 1, "BeamSearch: a width of \(width)")
    self.model = model
    self.specials = specials
    self.vocabularySize = vocabularySize ?? model.vocabularySize
    self.width = width
    self.lengthPenalty = lengthPenalty
    self.readsPromptBothWays = readsPromptBothWays
  }

  /// - Parameters:
  ///   - prompts: ids after the beginning token, which is put in front.
  ///   - tokens: how many to add at most, the end token counted, to a prompt of so many; the model's positions are a
  ///     further limit.
  ///   - progress: told how many prompts of how many are done; what it throws ends the search.
  /// - Returns: of each prompt up to ``width`` hypotheses, the best first.
  /// - Throws: ``InferenceError/tooLong(item:tokens:maximum:)``, the item counted from 1, and
  ///   ``InferenceError/notFinite``.
  public func callAsFunction(
    _ prompts: [[Int32]], tokens: (Int) -> Int, progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> [[Hypothesis]] {
    for (index, prompt) in prompts.enumerated() where prompt.count + 1 > model.maximumLength {
      throw InferenceError.tooLong(item: index + 1, tokens: prompt.count + 1, maximum: model.maximumLength)
    }
    var results = [[Hypothesis]](repeating: [], count: prompts.count)
    let order = prompts.indices.sorted { (prompts[$0].count, $0) < (prompts[$1].count, $1) }
    var start = 0
    while start < order.count {
      let length = prompts[order[start]].count
      // The last token needs no position: nothing comes after it.
      let limit = min(tokens(length), model.maximumLength - length)
      let most = max(1, min(Self.rows, Self.positions / (length + max(limit, 1))) / width)
      let group = order[start...].prefix(most).prefix { prompts[$0].count == length }
      let found = try search(group.map { [specials.beginning] + prompts[$0] }, limit: limit)
      for (index, hypotheses) in zip(group, found) { results[index] = hypotheses }
      start = group.endIndex
      try progress(start, order.count)
    }
    return results
  }

  /// What is known of one prompt.
  private struct Beam {
    var alive = [Hypothesis(ids: [], logProbability: 0, hasEnded: false)]
    var ended: [Hypothesis] = []
  }

  /// A token that may come next.
  private struct Candidate {
    var logProbability: Double
    /// Place among those alive.
    var hypothesis: Int
    var id: Int32

    static func likelier(_ a: Self, _ b: Self) -> Bool {
      (b.logProbability, a.hypothesis, a.id) < (a.logProbability, b.hypothesis, b.id)
    }
  }

  /// - Parameters:
  ///   - prompts: all of one length, the beginning token in front.
  ///   - limit: tokens to add at most.
  private func search(_ prompts: [[Int32]], limit: Int) throws -> [[Hypothesis]] {
    let length = prompts[0].count
    var beams = [Beam](repeating: Beam(), count: prompts.count)
    guard limit > 0 else { return beams.map(ranked) }
    let cache = model.makeCache(
      sequences: prompts.count, capacity: length + limit - 1, prefix: readsPromptBothWays ? length : 0)
    var logits = try model.nextLogits(prompts.flatMap { $0 }, cache: cache)
    var running = Array(prompts.indices)
    for number in 1...limit {
      // Rows of the cache that live on, and what each says next.
      var rows: [Int] = []
      var row = 0
      for index in running {
        let alive = beams[index].alive
        let candidates = try candidates(alive, logits: logits, firstRow: row)
        beams[index].alive = []
        var parents: [Int] = []
        for (rank, candidate) in candidates.enumerated() {
          var hypothesis = alive[candidate.hypothesis]
          hypothesis.logProbability = candidate.logProbability
          if candidate.id == specials.end {
            hypothesis.hasEnded = true
            if rank < width { beams[index].ended.append(hypothesis) }
          } else if parents.count < width {
            hypothesis.ids.append(candidate.id)
            beams[index].alive.append(hypothesis)
            parents.append(row + candidate.hypothesis)
          }
        }
        row += alive.count
        if beams[index].ended.count < width { rows += parents }
      }
      running.removeAll { beams[$0].ended.count >= width || beams[$0].alive.isEmpty }
      if running.isEmpty || number == limit { break }
      cache.select(rows)
      logits = try model.nextLogits(
        running.flatMap { beams[$0].alive.map { $0.ids[number - 1] } }, cache: cache)
    }
    return beams.map(ranked)
  }

  private func ranked(_ beam: Beam) -> [Hypothesis] {
    let found = beam.ended.isEmpty ? beam.alive : beam.ended
    return found.enumerated().map { ($1.score(lengthPenalty: lengthPenalty), $0, $1) }
      .sorted { ($1.0, $0.1) < ($0.0, $1.1) }.prefix(width).map(\.2)
  }

  /// The likeliest next tokens of a prompt's hypotheses, likeliest first: twice as many as live on, since of each
  /// hypothesis at most one ends.
  private func candidates(_ alive: [Hypothesis], logits: [Float], firstRow: Int) throws -> [Candidate] {
    let vocabulary = model.vocabularySize
    let forbidden = Set(specials.ids).subtracting([specials.end])
    var best: [Candidate] = []
    for (place, hypothesis) in alive.enumerated() {
      let first = (firstRow + place) * vocabulary
      let logSumExp = logits.withUnsafeBufferPointer { logits in
        let row = logits[first..<first + vocabulary]
        let largest = Double(row.max() ?? 0)
        return largest + log(row.reduce(0.0) { $0 + exp(Double($1) - largest) })
      }
      guard logSumExp.isFinite else { throw InferenceError.notFinite }
      for id in 0..<vocabularySize {
        let logProbability = hypothesis.logProbability + Double(logits[first + id]) - logSumExp
        if best.count == 2 * width, logProbability <= best[best.count - 1].logProbability { continue }
        if forbidden.contains(Int32(id)) { continue }
        let candidate = Candidate(logProbability: logProbability, hypothesis: place, id: Int32(id))
        // Those that are as likely came before: they stay in front.
        let rank = best.firstIndex { Candidate.likelier(candidate, $0) } ?? best.count
        best.insert(candidate, at: rank)
        if best.count > 2 * width { best.removeLast() }
      }
    }
    return best
  }
}
