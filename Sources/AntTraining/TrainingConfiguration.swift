import AntAutograd
import AntDevice
import AntText

/// Every option of a training run: what `config.json` keeps under "antlm" and `--resume` reads back.
///
/// Defaults follow BabyLM practice where the paper gives no value: AdamW (0.9, 0.999) with decay 0.1 and
/// clipping at norm 1, 2 % warm-up and a cosine down to a tenth of the peak over the whole run. Moments and
/// cosine go on across a switch of objective; both can start afresh instead.
public struct TrainingConfiguration: Codable, Sendable, Equatable {
  /// What happens to the optimizer's moments when the objective changes.
  public enum OptimizerState: String, Codable, Sendable, CaseIterable {
    case keep, reset
  }

  /// A preset's name, or the config.json the model was described by.
  public var model: String
  public var schedule: String
  /// Files and folders of text to train on.
  public var training: [String]
  /// Files and folders to evaluate on; empty for no evaluation.
  public var development: [String] = []

  /// Sequences a step, at the first length.
  public var batch = 32
  /// Parts a batch is split into, one after another; gradients are as of the whole batch.
  public var accumulate = 1
  /// Tokens a sequence.
  public var length: LengthSchedule = 128
  /// Cuts the schedule short; the cosine ends there.
  public var maximumSteps: Int? = nil
  public var seed: UInt64 = 1

  public var learningRate = 1e-3
  /// Where the cosine ends, as a part of `learningRate`.
  public var learningRateFloor = 0.1
  /// Steps (`300`) or a part of them (`2%`).
  public var warmup = "2%"
  public var learningRateSpan = LearningRate.Span.run
  public var optimizer = Optimizer.Rule.adamw
  public var optimizerState = OptimizerState.keep
  public var beta1: Float = 0.9
  public var beta2: Float = 0.999
  public var epsilon: Float = 1e-8
  public var weightDecay: Float = 0.1
  /// Gradients are scaled down to this norm.
  public var clip: Float = 1
  /// Of the running mean of the weights that is evaluated and saved as the model; 0 for the weights themselves.
  public var ema: Float = 0
  /// In place of the rates the model's configuration says.
  public var dropout: Float? = nil
  /// Part of the tokens MLM and MNTP predict.
  public var maskRate: Float = 0.15
  /// What it has become at the last step, on a straight line; nil for no change.
  public var finalMaskRate: Float? = nil
  /// Whether they are chosen one by one or in spans.
  public var maskUnit = Masking.Unit.tokens

  /// Of the products of a step; evaluations are computed in float32.
  public var precision = Precision.float32

  /// Steps between evaluations; 0 for the ends of phases only.
  public var evaluateEvery = 500
  /// Whether the untrained model is evaluated too, before step 1.
  public var evaluateFirst = false
  /// Sequences of the development text an evaluation reads; 0 for all.
  public var evaluationSequences = 512
  /// Steps between checkpoints; 0 for the ends of phases only.
  public var checkpointEvery = 500
  /// Checkpoints to keep, beside the best one; 0 for all.
  public var keep = 2

  /// The device's identifier, as `--device` takes it, and its name.
  public var device = ""
  public var deviceName = ""
  /// Which kernels were asked for.
  public var kernels = "auto"
  /// How the device cut its work when the run began; nil where its own rules decided everything.
  public var tuning: Tuning? = nil
  /// What tokenizer and text were when the run began.
  public var trainingTokens = 0
  public var developmentTokens = 0
  public var textChecksum = ""
  public var tokenizerChecksum = ""

  public init(model: String, schedule: String, training: [String]) {
    self.model = model
    self.schedule = schedule
    self.training = training
  }

  public var rate: LearningRate {
    LearningRate(
      peak: learningRate, floor: learningRateFloor, warmup: LearningRate.Warmup(warmup) ?? .steps(0),
      span: learningRateSpan)
  }

  public var optimizerSettings: Optimizer.Settings {
    Optimizer.Settings(optimizer, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
  }

  /// Sequences of one part of a batch, at the first length.
  public var microBatch: Int { (batch + accumulate - 1) / accumulate }

  /// The most tokens of one part of a batch.
  public var microBatchTokens: Int { max(microBatch * length.first, length.longest) }

  /// - Parameter step: from 1 to `total`.
  public func maskRate(step: Int, of total: Int) -> Float {
    guard let finalMaskRate, total > 1 else { return maskRate }
    return maskRate + (finalMaskRate - maskRate) * Float(step - 1) / Float(total - 1)
  }

  /// How tokens are hidden.
  func masking(_ tokenizer: Tokenizer, rate: Float) -> Masking {
    Masking(
      vocabularySize: tokenizer.vocabularySize, specials: tokenizer.specials, rate: rate, unit: maskUnit)
  }

  /// Throws ``TrainingError/option(_:found:expected:)`` for the first option that cannot be.
  public func validate() throws {
    func check(_ holds: Bool, _ option: String, _ found: Any, _ expected: String) throws {
      if !holds { throw TrainingError.option(option, found: "\(found)", expected: expected) }
    }
    try check((1...1_000_000).contains(batch), "--batch", batch, "1 to 1000000 sequences")
    try check(
      (1...batch).contains(accumulate), "--accumulate", accumulate, "1 to the --batch of \(batch)")
    try check(
      length.shortest >= 2 && length.longest <= 1_000_000, "--length", length,
      "at least 2 tokens, such as 128 or 128:90%,512")
    try check((maximumSteps ?? 1) >= 1, "--max-steps", maximumSteps ?? 1, "at least 1")
    try check(learningRate > 0 && learningRate <= 100, "--lr", learningRate, "above 0, such as 1e-3")
    try check((0...1).contains(learningRateFloor), "--lr-floor", learningRateFloor, "0 to 1")
    try check(
      LearningRate.Warmup(warmup) != nil, "--warmup", warmup, "steps such as 300, or a part such as 2%")
    try check((0..<1).contains(beta1), "--beta1", beta1, "0 or more, below 1")
    try check((0..<1).contains(beta2), "--beta2", beta2, "0 or more, below 1")
    try check(epsilon > 0 && epsilon < 1, "--epsilon", epsilon, "above 0, such as 1e-8")
    try check((0...100).contains(weightDecay), "--weight-decay", weightDecay, "0 or more, such as 0.1")
    try check(clip > 0, "--clip", clip, "above 0; inf for no clipping")
    try check((0..<1).contains(dropout ?? 0), "--dropout", dropout ?? 0, "0 or more, below 1")
    try check((0..<1).contains(ema), "--ema", ema, "0 or more, below 1, such as 0.999")
    for (option, rate) in [("--mask-rate", maskRate), ("--final-mask-rate", finalMaskRate ?? maskRate)] {
      try check(rate >= 0.01 && rate <= 1, option, rate, "0.01 to 1")
    }
    try check(evaluateEvery >= 0, "--eval-every", evaluateEvery, "0 or more")
    try check(evaluationSequences >= 0, "--eval-sequences", evaluationSequences, "0 or more")
    try check(checkpointEvery >= 0, "--checkpoint-every", checkpointEvery, "0 or more")
    try check(keep >= 0, "--keep", keep, "0 or more")
  }
}

extension KeyedDecodingContainer {
  /// What the reader that the compiler writes for ``TrainingConfiguration`` calls for its precision: runs that
  /// began before there was one were computed in float32.
  func decode(_: Precision.Type, forKey key: Key) throws -> Precision {
    try decodeIfPresent(Precision.self, forKey: key) ?? .float32
  }
}
