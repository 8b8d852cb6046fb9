import AntDevice
import AntInference
import AntModels
import AntText
import AntTraining

/// Fine-tunes a trained model, whichever objective it was trained by, to translate.
///
/// After each epoch the loss of the development pairs is measured, and the epoch where it is lowest counts; without
/// such pairs the last one does.
public struct TranslationTraining {
  public let mask: TranslationMask
  public let settings: FineTuningSettings
  /// How many training pairs do not fit the model's positions and are left out.
  public let skipped: Int
  /// Pairs an epoch trains on.
  public var examples: Int { training.sequences.count }
  /// What is trained, in place.
  public let trained: TrainedModel
  private let dropout: DropoutRates
  private let training: TranslationInputs
  private let development: TranslationInputs?

  /// Padded positions that are run at once: larger batches are split. It decides the order of sums.
  var positions = Self.defaultPositions
  static let defaultPositions = 1024

  /// Settings to begin with for models of some million parameters.
  public static let defaultSettings = FineTuningSettings(
    learningRate: 5e-4, batch: 64, epochs: 5, patience: 3, warmup: 0.05, schedule: .cosine, floor: 0.1,
    optimizer: .init(beta2: 0.98, weightDecay: 0.01))

  /// What training came to.
  public struct Result: Sendable {
    public var outcome: FineTuner.Outcome
    /// The epoch whose weights the model has, from 1; nil where none was finished.
    public var bestEpoch: Int?
    /// Mean loss of the development pairs in nats a target token, by epoch; empty without such pairs.
    public var losses: [Double]
  }

  /// - Parameter dropout: in place of the model's own rate.
  /// - Throws: ``TrainingError`` for settings that cannot be or too little memory, ``TranslationError`` where no
  ///   training pair fits, ``TextFileError`` for a development pair that does not.
  public init(
    _ trained: TrainedModel, training: ParallelText, development: ParallelText? = nil, mask: TranslationMask,
    settings: FineTuningSettings = Self.defaultSettings, dropout: Float? = nil
  ) throws {
    try settings.validate()
    if let dropout, !(dropout >= 0 && dropout < 1) {
      throw TrainingError.option("dropout", found: "\(dropout)", expected: "0 or more and less than 1")
    }
    let length = trained.model.maximumLength
    self.trained = trained
    self.mask = mask
    self.settings = settings
    self.dropout = trained.model.configuration.architecture.dropoutRates(dropout)
    self.training = TranslationInputs(training.pairs, tokenizer: trained.tokenizer, length: length)
    skipped = self.training.tooLong.count
    guard !self.training.sequences.isEmpty else {
      throw TranslationError.nothingFits(
        source: training.files.source, target: training.files.target, maximum: length)
    }
    self.development = development.map {
      TranslationInputs($0.pairs, tokenizer: trained.tokenizer, length: length)
    }
    if let development, let index = self.development?.tooLong.first {
      throw TextFileError.line(
        path: development.files.source, line: index + 1,
        expected:
          "with its translation too long for the model's \(length) positions; take it out of both files")
    }
    let longest = self.training.sequences.reduce(0) { max($0, $1.ids.count) }
    let memory = TrainingMemory(
      trained.model.configuration.architecture, tokens: max(longest, Self.defaultPositions), averages: true,
      on: trained.model.device.info)
    try MemoryBudget.require(memory.bytes, on: trained.model.device.info) { _ in
      "fine-tune a smaller model"
    }
  }

  /// Trains the model.
  ///
  /// - Parameters:
  ///   - stop: asked after each update and between the batches of an evaluation.
  ///   - report: told of each update; the figure of an epoch is the development loss, negated.
  /// - Throws: ``FineTuningError``, or the device's failure.
  public func callAsFunction(until stop: () -> Bool = { false }, report: (FineTuningStep) -> Void = { _ in })
    throws -> Result
  {
    let tuner = try FineTuner(
      trained.model, examples: examples, dropout: dropout, settings: settings)
    var epoch = 0.0
    let outcome = try tuner.train(
      until: stop, report: report,
      evaluate: {
        // Without anything to judge by, each epoch is better than the last.
        epoch += 1
        guard let development else { return epoch }
        return try loss(of: development, until: stop).map { -$0 }
      },
      parts: { examples in
        // Cut into parts of similar length.
        training.parts(examples, positions: positions).map {
          training.batch($0, mask: mask, padding: trained.specials.padding)
        }
      })
    return Result(
      outcome: outcome, bestEpoch: tuner.bestEpoch,
      losses: development == nil ? [] : tuner.figures.map { -$0 })
  }

  /// Mean loss in nats a target token, its end counted; nil where it was stopped.
  func loss(of inputs: TranslationInputs, until stop: () -> Bool = { false }) throws -> Double? {
    var sum = 0.0
    var count = 0
    for part in inputs.parts(inputs.sequences.indices, positions: 4 * positions) {
      if stop() { return nil }
      let batch = inputs.batch(part, mask: mask, padding: trained.specials.padding)
      sum += try trained.model.losses(batch).reduce(0.0) { $0 + Double($1) }
      count += batch.labels.count
    }
    return sum / Double(count)
  }
}
