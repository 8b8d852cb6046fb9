import AntInference
import AntText
import AntTraining
import Foundation

/// How well a model predicts a text, under each objective it can be trained by: the mean loss in nats a label, of which
/// the perplexity is the exponential.
///
/// The text is one stream of `<s>` line `</s>`, cut into neighbouring blocks as training cuts it, and masks are drawn
/// from the seed: with the options of a run, the figures are its dev losses. (The pseudo-perplexity of sentences, each token masked
/// alone, is ``Scorer``'s.)
public struct Perplexity {
  public struct Options: Sendable {
    /// As schedules spell them; nil for those that every run is evaluated under, as far as the tokenizer goes.
    public var objectives: [String]?
    /// Tokens a block.
    public var length = 128
    /// Blocks to read, spread evenly over the text; 0 for all.
    public var sequences = 0
    /// Part of the tokens that MLM and MNTP hide.
    public var maskRate: Float = 0.15
    /// Whether these are single tokens or spans.
    public var maskUnit = Masking.Unit.tokens
    /// Whether lines packed in a block are kept apart.
    public var documents = false
    /// Decides which tokens are hidden.
    public var seed: UInt64 = 1

    public init() {}
  }

  /// As they were asked for.
  public let objectives: [String]
  /// Mean loss by objective.
  public let losses: [String: Double]
  /// Blocks read.
  public let sequences: Int

  /// - Parameter objectives: what the options may name.
  /// - Throws: `CorpusError`, ``TrainingError``, ``InferenceError/notFinite``, `TokenizerError` where an objective
  ///   needs a mask token and there is none.
  public init(
    of trained: TrainedModel, on paths: [String], _ options: Options, objectives: Objectives = .standard
  ) throws {
    guard options.length >= 2 else {
      throw TrainingError.option("length", found: "\(options.length)", expected: "2 or more")
    }
    let usual = objectives.available(with: trained.specials).all.filter(\.isAlwaysEvaluated)
    let chosen =
      try options.objectives.map {
        try $0.map { name in
          guard let objective = objectives[name] else {
            throw TrainingError.option(
              "objectives", found: name, expected: "of \(objectives.names.joined(separator: ", "))")
          }
          if objective.needsMaskToken { try trained.tokenizer.requireMask() }
          return objective
        }
      } ?? usual
    self.objectives = chosen.map(\.name)
    guard options.length <= trained.model.maximumLength else {
      throw TrainingError.tooLong(length: options.length, maximum: trained.model.maximumLength)
    }
    let corpus = try TokenCorpus(paths, tokenizer: trained.tokenizer)
    guard corpus.count >= 2 else {
      throw TrainingError.tooLittleText(files: paths, tokens: corpus.count, needed: 2)
    }
    let evaluation = Evaluation(
      corpus,
      objectives: chosen, length: options.length, sequences: options.sequences,
      microBatch: max(1, Scorer.defaultPositions / options.length), seed: options.seed,
      masking: Masking(
        vocabularySize: trained.tokenizer.vocabularySize, specials: trained.specials, rate: options.maskRate,
        unit: options.maskUnit), splitsDocuments: options.documents)
    losses = try evaluation(trained.model) ?? [:]
    sequences = evaluation.blocks.count
    guard losses.values.allSatisfy(\.isFinite) else { throw InferenceError.notFinite }
  }
}
