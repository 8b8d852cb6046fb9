import AntBatch
import AntDevice
import AntInference
import AntModels
import AntText
import AntTraining
import Foundation

/// Fine-tunes a trained model, whichever objective it was trained by, to tell the labels of a task.
///
/// Every seed begins with the weights of the trained model, draws a head of its own and trains all of it.
public struct Classification {
  /// What is told apart.
  public let task: ClassificationTask
  /// Head and settings.
  public let recipe: ClassificationRecipe
  /// What a token sees.
  public let mode: Embedder.Mode
  /// Tokens of an input at most: the recipe's, or as many as the model has positions.
  public let length: Int
  /// How many training and validation examples were cut to that.
  public let cut: (training: Int, validation: Int)
  let trained: TrainedModel
  private let training: ClassificationInputs
  let validation: ClassificationInputs

  /// What a seed came to.
  public struct Result {
    /// Of head, order and dropout.
    public var seed: UInt64
    /// How it ended.
    public var outcome: FineTuner.Outcome
    /// Epochs that were evaluated.
    public var epochs: Int
    /// The epoch whose weights are kept, from 1.
    public var bestEpoch: Int
    /// What it was chosen by.
    public var figure: Double
    /// Of the validation examples, with those weights.
    public var scores: ClassificationScores
    /// For each validation example its label.
    public var predictions: [Int]
    /// Model and head as they are kept; the next seed trains the same model again.
    public var classifier: SequenceClassifier
  }

  /// Padded positions that are run at once: larger batches are split. It decides the order of sums.
  var positions: Int
  static let defaultPositions = 8192

  /// - Parameters:
  ///   - mode: what a token sees; nil for what transformers lets this kind of model see.
  /// - Throws: ``TrainingError`` for settings that cannot be or too little memory.
  public init(
    _ trained: TrainedModel, _ task: ClassificationTask, training: ClassificationExamples,
    validation: ClassificationExamples, recipe: ClassificationRecipe, mode: Embedder.Mode? = nil
  ) throws {
    try recipe.settings.validate()
    guard recipe.length >= 4 else {
      throw TrainingError.option("length", found: "\(recipe.length)", expected: "4 or more")
    }
    self.trained = trained
    self.task = task
    self.recipe = recipe
    self.mode = mode ?? ClassificationRecipe.defaultMode(trained.model.configuration.architecture)
    length = min(recipe.length, trained.model.maximumLength)
    self.training = ClassificationInputs(
      training.examples, tokenizer: trained.tokenizer, length: length)
    self.validation = ClassificationInputs(
      validation.examples, tokenizer: trained.tokenizer, length: length)
    cut = (self.training.cut, self.validation.cut)

    let longest = (self.training.sequences + self.validation.sequences).reduce(0) { max($0, $1.count) }
    positions = max(longest, min(Self.defaultPositions, recipe.settings.batch * longest))
    let architecture = trained.model.configuration.architecture
    let memory = TrainingMemory(
      architecture, tokens: positions, averages: true, on: trained.model.device.info)
    // Beside what is trained, the weights that every seed begins with, and the best seed's with their gradients.
    let kept = 3 * 4 * architecture.parameterCount
    try MemoryBudget.require(memory.bytes + kept, on: trained.model.device.info) { _ in
      "lower the batch or the length of inputs, or fine-tune a smaller model"
    }
  }

  /// Whether the last token is read rather than the first.
  public var readsLast: Bool { recipe.readsLast(trained.model.configuration.architecture, mode) }

  /// Fine-tunes with one seed. Nil where it was stopped before an epoch was evaluated.
  ///
  /// - Parameters:
  ///   - stop: asked after each update and between the batches of an evaluation.
  ///   - report: told of each update.
  /// - Throws: ``FineTuningError``, ``InferenceError/notFinite``, or the device's failure.
  public func callAsFunction(
    seed: UInt64, until stop: () -> Bool = { false }, report: (FineTuningStep) -> Void = { _ in }
  ) throws -> Result? {
    let model = trained.model
    let classifier = SequenceClassifier(
      model, head: recipe.head(for: model.configuration.architecture, labels: task.labels), seed: seed)
    var settings = recipe.settings
    settings.seed = seed
    let tuner = try FineTuner(
      classifier, examples: training.sequences.count,
      dropout: model.configuration.architecture.dropoutRates, settings: settings)
    var best: (scores: ClassificationScores, predictions: [Int])?
    func evaluate() throws -> Double? {
      guard
        let predictions = try classifier.predictions(
          for: validation, mode: mode, readsLast: readsLast, padding: trained.specials.padding,
          positions: positions, until: stop)
      else { return nil }
      let scores = scores(of: predictions)
      guard let figure = scores[recipe.selection] else {
        preconditionFailure("Classification: no \(recipe.selection) for \(task.labels) labels")
      }
      if tuner.bestFigure.map({ figure > $0 }) ?? true { best = (scores, predictions) }
      return figure
    }
    let outcome = try tuner.train(until: stop, report: report, evaluate: evaluate, parts: parts)
    guard let best, let epoch = tuner.bestEpoch, let figure = tuner.bestFigure else { return nil }
    return Result(
      seed: seed, outcome: outcome, epochs: tuner.figures.count, bestEpoch: epoch, figure: figure,
      scores: best.scores, predictions: best.predictions, classifier: classifier)
  }

  /// The scores of one label for all: that which the training examples have most often, the lowest of several.
  public var majority: (label: Int, scores: ClassificationScores) {
    var counts = [Int](repeating: 0, count: task.labels)
    for label in training.labels { counts[Int(label)] += 1 }
    let label = counts.firstIndex(of: counts.max() ?? 0) ?? 0
    return (label, scores(of: [Int](repeating: label, count: validation.labels.count)))
  }

  /// Of some predictions for the validation examples.
  public func scores(of predictions: [Int]) -> ClassificationScores {
    ClassificationScores(
      predictions: predictions, right: validation.labels.map(Int.init), labels: task.labels)
  }

  /// Some examples as one batch. A large one is run in parts of as many sequences as fit, all padded alike, so that
  /// the draws of dropout are those of the whole.
  private func parts(_ examples: [Int]) -> [Batch] {
    let longest = examples.reduce(0) { max($0, training.sequences[$1].count) }
    let part = max(1, positions / longest)
    return stride(from: 0, to: examples.count, by: part).map { first in
      training.batch(
        examples[first..<min(first + part, examples.count)], mode: mode, readsLast: readsLast,
        padding: trained.specials.padding, length: longest)
    }
  }
}
