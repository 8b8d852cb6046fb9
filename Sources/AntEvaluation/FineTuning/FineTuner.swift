import AntAutograd
import AntBatch
import AntDevice
import AntModels
import AntRandom
import AntText
import AntTraining

/// Adapts weights to a task of numbered examples: epochs in random order, updates by an optimizer's rule, a figure after
/// each epoch, and in the end the weights of the epoch whose figure was the highest.
///
/// It knows nothing of the task: one closure makes batches of examples, another computes the figure. The order of the
/// examples is drawn by counters of (seed, epoch), what is dropped out by (seed, step), so the same seed gives the same
/// weights, to the bit.
public final class FineTuner {
  /// How training ended.
  public enum Outcome: Sendable, Equatable {
    case finished
    /// By patience.
    case stoppedEarly
    /// As asked. The weights are those of the best epoch that was finished, or where none was, the latest.
    case interrupted
  }

  public var parameters: Parameters { training.model.parameters }
  public let settings: FineTuningSettings
  /// Updates in all, unless training stops early.
  public let totalSteps: Int
  /// Figures of the epochs done so far.
  public private(set) var figures: [Double] = []
  /// The epoch of the highest figure, from 1, the first of several; nil before one is done.
  public private(set) var bestEpoch: Int?
  private let examples: Int
  private let training: TrainingStep
  private var optimizer: Optimizer { training.optimizer }
  private let best: BufferSlice

  /// - Parameters:
  ///   - model: what is trained, all of it.
  ///   - examples: how many there are, 1 or more.
  ///   - dropout: the rates that every batch's context carries.
  /// - Throws: ``TrainingError/option(_:found:expected:)``.
  public init(
    _ model: any Trainable, examples: Int, dropout: DropoutRates, settings: FineTuningSettings
  ) throws {
    precondition(examples >= 1, "FineTuner: \(examples) examples")
    try settings.validate()
    let (steps, overflow) = settings.steps(examples: examples).multipliedReportingOverflow(
      by: settings.epochs)
    guard !overflow, steps <= Int(Int32.max) else {
      throw TrainingError.tooManySteps(limit: Int(Int32.max))
    }
    self.settings = settings
    self.examples = examples
    totalSteps = steps
    let parameters = model.parameters
    training = TrainingStep(
      model, optimizer: Optimizer(parameters, settings: settings.optimizer), clip: settings.clip,
      dropout: dropout, seed: settings.seed)
    best = parameters.device.makeBuffer(.float32, count: parameters.count)[...]
  }

  /// The highest figure so far.
  public var bestFigure: Double? { bestEpoch.map { figures[$0 - 1] } }

  /// Trains, and leaves the weights of the best epoch in ``parameters``. To be called once.
  ///
  /// - Parameters:
  ///   - stop: asked after each update; true ends training.
  ///   - report: told of each update, and with the last one of an epoch its figure.
  ///   - evaluate: the figure of the weights as they are, higher is better; nil where it was asked to stop.
  ///   - parts: the batch of some examples by their numbers, in the order drawn, in parts that are run one after
  ///     another.
  /// - Throws: ``FineTuningError``, what the closures throw, or the device's failure.
  public func train(
    until stop: () -> Bool = { false }, report: (FineTuningStep) -> Void = { _ in },
    evaluate: () throws -> Double?, parts: ([Int]) throws -> [Batch]
  ) throws -> Outcome {
    precondition(optimizer.step == 0 && figures.isEmpty, "FineTuner: trained before")
    let stepsAnEpoch = settings.steps(examples: examples)
    var withoutGain = 0
    for epoch in 1...settings.epochs {
      let order = RandomStream(seed: settings.seed, purpose: .shuffling, step: epoch).permutation(examples)
      for place in 0..<stepsAnEpoch {
        let first = place * settings.batch
        let batch = order[first..<min(first + settings.batch, examples)]
        var line = try advance(parts(Array(batch)), epoch: epoch)
        if place == stepsAnEpoch - 1 && !stop() {
          guard let figure = try evaluate() else { return interrupted() }
          guard figure.isFinite else { throw FineTuningError.figureNotFinite(epoch: epoch) }
          let gain = bestFigure.map { figure - $0 } ?? .infinity
          figures.append(figure)
          withoutGain = gain > settings.minimumGain ? 0 : withoutGain + 1
          if gain > 0 {
            bestEpoch = epoch
            copy(parameters.values, to: best)
          }
          line.figure = figure
          line.isBest = gain > 0
        }
        report(line)
        if stop() && line.step < totalSteps { return interrupted() }
      }
      if let patience = settings.patience, withoutGain >= patience, epoch < settings.epochs {
        restoreBest()
        return .stoppedEarly
      }
    }
    // Asked to stop before the last figure was there.
    if figures.count < settings.epochs { return interrupted() }
    restoreBest()
    return .finished
  }

  /// One update.
  private func advance(_ parts: [Batch], epoch: Int) throws -> FineTuningStep {
    let step = optimizer.step + 1
    let rate = settings.rate(step: step, of: totalSteps)
    let status = try training(step, parts, learningRate: rate)
    guard status.isFinite else {
      throw FineTuningError.notFinite(step: step, epoch: epoch, loss: status.loss, norm: status.norm)
    }
    return FineTuningStep(
      step: step, totalSteps: totalSteps, epoch: epoch, epochs: settings.epochs, loss: status.loss,
      gradientNorm: status.norm, learningRate: rate)
  }

  private func interrupted() -> Outcome {
    restoreBest()
    return .interrupted
  }

  private func restoreBest() {
    if bestEpoch != nil { copy(best, to: parameters.values) }
  }

  private func copy(_ source: BufferSlice, to target: BufferSlice) {
    func matrix(_ slice: BufferSlice) -> Matrix { Matrix(slice, rows: 1, columns: slice.count) }
    parameters.device.elementwise(Copy(matrix(source), into: matrix(target)))
  }
}

/// What one update came to.
public struct FineTuningStep: Sendable, Equatable {
  /// From 1.
  public var step: Int
  /// Of all epochs.
  public var totalSteps: Int
  /// From 1.
  public var epoch: Int
  /// At most: patience may end training before.
  public var epochs: Int
  /// Of the batch, before the update.
  public var loss: Float
  /// Before clipping.
  public var gradientNorm: Float
  /// Of the update.
  public var learningRate: Float
  /// Of the epoch that this update ended.
  public var figure: Double?
  /// Whether that figure is the best so far.
  public var isBest = false
}

/// Why fine-tuning cannot go on. Each description is one line: what, where, what to do.
public enum FineTuningError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Loss or gradient norm became infinite or not a number; nothing was updated.
  case notFinite(step: Int, epoch: Int, loss: Float, norm: Float)
  /// What an epoch is judged by is not a number.
  case figureNotFinite(epoch: Int)

  public var description: String {
    switch self {
    case .notFinite(let step, let epoch, let loss, let norm):
      "step \(step) (epoch \(epoch)): loss \(loss), gradient norm \(norm); fine-tune again with a lower learning rate "
        + "or a longer warm-up"
    case .figureNotFinite(let epoch):
      "epoch \(epoch): its evaluation is not finite; fine-tune again with a lower learning rate"
    }
  }
}
