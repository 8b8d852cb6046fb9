import AntInference
import AntText

/// Judges what a model generates without a reference: its own perplexity of it, and how varied it is.
///
/// The perplexity is of the continuations given their prompts, the end token counted where one was drawn, under the
/// mask they were generated with, whatever the sampler's temperature. It is low both for what a model knows well and
/// for what repeats itself: read it beside ``AntText/Diversity``.
public struct GenerationEvaluation {
  /// A text to continue, and where it stands, for messages.
  public struct Prompt: Sendable, Equatable {
    public var text: String
    public var place: String

    public init(_ text: String, place: String) {
      self.text = text
      self.place = place
    }
  }

  /// What came of one prompt, or of all.
  public struct Result: Sendable {
    /// The continuations without their prompts.
    public var texts: [String]
    /// Of all continuations together, in tokens.
    public var score: Score
    public var diversity: Diversity
  }

  /// Beginnings that stories and descriptions have.
  public static let defaultPrompts = [
    "The", "A dog", "The children", "She", "He wanted to", "In the house", "One day", "The old man",
    "They were",
    "It was",
  ].map { Prompt($0, place: "prompt '\($0)'") }

  public let trained: TrainedModel
  /// Of a continuation at most.
  public var tokens: Int
  /// Continuations of a prompt.
  public var count: Int
  public var sampler: Sampler
  /// Prompt i, from 0, draws with `seed + i`.
  public var seed: UInt64
  /// As PrefixLM trains it.
  public var readsPromptBothWays: Bool

  /// - Parameters:
  ///   - tokens: of a continuation at most.
  ///   - count: continuations of a prompt.
  ///   - seed: prompt i, from 0, draws with `seed + i`.
  public init(
    _ trained: TrainedModel, tokens: Int = 50, count: Int = 4, sampler: Sampler = Sampler(), seed: UInt64 = 1,
    readsPromptBothWays: Bool = false
  ) {
    self.trained = trained
    self.tokens = tokens
    self.count = count
    self.sampler = sampler
    self.seed = seed
    self.readsPromptBothWays = readsPromptBothWays
  }

  /// Continues each prompt `count` times.
  ///
  /// - Parameter progress: told how many prompts of how many are done.
  /// - Returns: what came of each prompt, and of all.
  /// - Throws: ``InferenceError/noRoom(place:prompt:tokens:maximum:)`` before anything is generated.
  public func callAsFunction(_ prompts: [Prompt], progress: (Int, Int) -> Void = { _, _ in }) throws
    -> (prompts: [Result], all: Result)
  {
    let starts = prompts.map { trained.tokenizer.encode($0.text.withoutTrailingSpace) }
    let maximum = trained.model.maximumLength
    // The last token that is written needs no position.
    for (prompt, start) in zip(prompts, starts) where start.count + tokens > maximum {
      throw InferenceError.noRoom(
        place: prompt.place, prompt: start.count + 1, tokens: tokens, maximum: maximum)
    }
    let generator = Generator(trained, readsPromptBothWays: readsPromptBothWays)
    let scorer = Scorer(trained.model, specials: trained.specials)
    var results: [Result] = []
    for (index, start) in starts.enumerated() {
      let continuations = try generator(
        prompt: start, tokens: tokens, sampler: sampler, seed: seed &+ UInt64(index), count: count)
      let scores = try scorer(
        continuations.map { ids in
          ScoredText(
            start + ids + (ids.count < tokens ? [trained.specials.end] : []), from: start.count,
            prefix: readsPromptBothWays ? start.count + 1 : 0)
        }, .causal)
      let texts = continuations.map { trained.tokenizer.decode($0, skippingSpecials: true) }
      results.append(
        Result(
          texts: texts, score: scores.reduce(into: Score()) { $0 += $1 }, diversity: Diversity([texts])))
      progress(index + 1, starts.count)
    }
    let all = Result(
      texts: results.flatMap(\.texts), score: results.reduce(into: Score()) { $0 += $1.score },
      diversity: Diversity(results.map(\.texts)))
    return (results, all)
  }
}
