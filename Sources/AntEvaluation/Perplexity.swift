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
    /// As schedules spell them.
    public var objectives = ["CLM", "MLM"]
    /// Tokens a block.
    public var length = 128
    /// Blocks to read, spread evenly over the text; 0 for all.
    public var sequences = 0
    /// Part of the tokens that MLM and MNTP hide.
    public var maskRate: Float = 0.15
    /// Whether these are single tokens or spans.
    public var maskUnit = Masking.Unit.tokens
    /// Decides which tokens are hidden.
    public var seed: UInt64 = 1

    public init() {}
  }

  /// Mean loss by objective.
  public let losses: [String: Double]
  /// Blocks read.
  public let sequences: Int

  /// - Throws: `CorpusError`, ``TrainingError``, ``InferenceError/notFinite``.
  public init(of trained: TrainedModel, on paths: [String], _ options: Options) throws {
    guard options.length >= 2 else {
      throw TrainingError.option("--length", found: "\(options.length)", expected: "2 or more")
    }
    if let unknown = options.objectives.first(where: { !Objectives.names.contains($0) }) {
      throw TrainingError.option(
        "--objectives", found: unknown, expected: "of \(Objectives.names.joined(separator: ", "))")
    }
    guard options.length <= trained.model.maximumLength else {
      throw TrainingError.tooLong(length: options.length, maximum: trained.model.maximumLength)
    }
    let corpus = try TokenCorpus(paths, tokenizer: trained.tokenizer)
    guard corpus.count >= 2 else {
      throw TrainingError.tooLittleText(files: paths, tokens: corpus.count, needed: 2)
    }
    let evaluation = Evaluation(
      corpus,
      objectives: options.objectives.map {
        Objectives.named(
          $0, tokenizer: trained.tokenizer, maskRate: options.maskRate, maskUnit: options.maskUnit)
      }, length: options.length, sequences: options.sequences,
      microBatch: max(1, Scorer.defaultPositions / options.length), seed: options.seed)
    losses = try evaluation(trained.model) ?? [:]
    sequences = evaluation.blocks.count
    guard losses.values.allSatisfy(\.isFinite) else { throw InferenceError.notFinite }
  }
}
