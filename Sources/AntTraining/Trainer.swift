import AntAutograd
import AntDevice
import AntFiles
import AntModels
import AntText
import Foundation

/// Trains one model under a schedule of objectives, a ``TrainingStep`` after another.
///
/// Where loss or norm is not finite the device changes nothing and training stops. Objective and attention mask
/// change together with the phase. Whatever is random is drawn by counters of (seed, epoch, sample, position,
/// step), so that the state of a run is its step, its weights and its moments, and resuming is bit-identical to
/// never having stopped.
public final class Trainer {
  /// How a call of ``train(until:report:)`` ended.
  public enum Outcome: Sendable, Equatable {
    case finished
    /// Stopped as asked, with a checkpoint at this step; before step 1 there is nothing to keep.
    case stopped(step: Int)
  }

  public let configuration: TrainingConfiguration
  public let run: RunDirectory
  public let plan: TrainingPlan
  public let model: any Transformer
  let training: TrainingStep
  var optimizer: Optimizer { training.optimizer }
  /// The running mean of the weights, which is what is evaluated and saved; nil where these are.
  private let average: WeightAverage?
  private let tokenizer: Tokenizer
  private let data: TrainingData
  private let evaluation: Evaluation?
  private let metrics: MetricsLog
  private let events: EventFile
  private let lock: RunLock
  private(set) var state: TrainerState

  init(
    _ configuration: TrainingConfiguration, plan: TrainingPlan, model: any Transformer,
    training: TrainingStep, average: WeightAverage?, tokenizer: Tokenizer,
    data: TrainingData, evaluation: Evaluation?, state: TrainerState, run: RunDirectory, lock: RunLock
  ) throws {
    self.configuration = configuration
    self.plan = plan
    self.model = model
    self.training = training
    self.average = average
    self.tokenizer = tokenizer
    self.data = data
    self.evaluation = evaluation
    self.state = state
    self.run = run
    self.lock = lock
    // A run without a checkpoint writes the line of step 0 again, and a step without its evaluation its own.
    metrics = try MetricsLog(
      run.metrics, through: state.step == 0 ? -1 : state.unevaluated == nil ? state.step : state.step - 1)
    events = try EventFile(in: run.tensorboard, metrics: run.metrics)
  }

  /// Steps done so far.
  public var step: Int { state.step }

  /// Trains to the end of the plan.
  ///
  /// - Parameters:
  ///   - stop: asked after each step and between the batches of an evaluation; true ends with a checkpoint.
  ///   - report: told of each step after its metrics are written.
  public func train(until stop: () -> Bool = { false }, report: (StepReport) -> Void = { _ in }) throws
    -> Outcome
  {
    let clock = ContinuousClock()
    let begin = clock.now
    func elapsed() -> Double { metrics.secondsElapsed + begin.duration(to: clock.now).seconds }

    if configuration.evaluateFirst, state.step == 0, let evaluation {
      var first = StepReport(step: 0, totalSteps: plan.totalSteps, position: plan.position(ofStep: 1))
      guard let losses = try evaluate(evaluation, until: stop) else { return .stopped(step: 0) }
      first.metrics.devLosses = losses
      first.metrics.secondsElapsed = elapsed()
      try record(first)
      report(first)
    }
    while state.step < plan.totalSteps || state.unevaluated != nil {
      var stepReport: StepReport
      // A step whose evaluation was cut short is evaluated and reported now.
      let isLate = state.unevaluated != nil
      if let late = state.unevaluated {
        stepReport = StepReport(late, step: state.step, of: plan, configuration)
      } else {
        let started = clock.now
        stepReport = try advance()
        stepReport.metrics.tokensPerSecond =
          Double(stepReport.tokens) / started.duration(to: clock.now).seconds
      }
      let position = stepReport.position
      let step = state.step
      var isBest = false
      if let evaluation, isLate || isDue(step, every: configuration.evaluateEvery, position) {
        guard let losses = try evaluate(evaluation, until: stop) else {
          state.unevaluated = TrainerState.Unevaluated(stepReport)
          if !isLate { try saving(step) { try save() } }
          return .stopped(step: step)
        }
        stepReport.metrics.devLosses = losses
        // In an order of their own, since more than two can be summed to different bits.
        let mean = losses.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value } / Double(losses.count)
        let loss = configuration.bestBy.map { losses[$0] ?? .nan } ?? mean
        if loss.isFinite, loss < state.best?.devLoss ?? .infinity {
          state.best = TrainerState.Best(step: step, devLoss: loss)
          isBest = true
        }
      }
      state.unevaluated = nil
      stepReport.metrics.secondsElapsed = elapsed()
      let stopping = stop()
      try saving(step) {
        try record(stepReport)
        if isBest || isLate || stopping || isDue(step, every: configuration.checkpointEvery, position) {
          try save()
        }
      }
      report(stepReport)
      if stopping && step < plan.totalSteps { return .stopped(step: step) }
    }
    return .finished
  }

  private func record(_ report: StepReport) throws {
    try metrics.append(report.metrics)
    try events.append(report.metrics.asWritten)
  }

  /// Runs `body`, whose failure is that of saving after `step`.
  private func saving(_ step: Int, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as any CustomStringConvertible {
      throw TrainingError.checkpointFailed(
        step: step, reason: "\(error)", last: try? run.checkpoint().url.path)
    }
  }

  /// One optimizer step.
  private func advance() throws -> StepReport {
    let step = state.step + 1
    let position = plan.position(ofStep: step)
    let phase = plan.phases[position.phase]
    if configuration.optimizerState == .reset, step > 1, step == phase.steps.lowerBound { optimizer.reset() }

    let batch = data.batch(ofStep: step)
    let rate = configuration.rate(step: step, of: plan)
    let status = try self.training(
      step, batch.parts, groups: batch.lossParts.count, learningRate: rate)
    guard status.isFinite else {
      throw TrainingError.notFinite(
        step: step, phase: "\(position.phase + 1), \(phase.phase)", loss: status.loss, norm: status.norm,
        checkpoint: try? run.checkpoint().url.path)
    }
    average?.update()
    state.step = step
    var report = StepReport(step: step, totalSteps: plan.totalSteps, position: position)
    report.metrics.loss = status.loss
    report.metrics.gradientNorm = status.norm
    report.metrics.learningRate = rate
    for (number, sum) in training.groupLosses.enumerated() where batch.lossParts[number] > 0 {
      report.metrics.objectiveLosses[position.mixture.objectives[number]] =
        Double(sum) / batch.lossParts[number]
    }
    report.tokens = batch.tokens
    return report
  }

  /// Dev losses of what is saved; nil where it was stopped.
  private func evaluate(_ evaluation: Evaluation, until stop: () -> Bool) throws -> [String: Double]? {
    average?.exchange()
    defer { average?.exchange() }
    return try evaluation(model, until: stop)
  }

  /// Every so many steps, at the end, and at the ends of phases unless those are very many.
  private func isDue(_ step: Int, every interval: Int, _ position: TrainingPlan.Position) -> Bool {
    step == plan.totalSteps || (interval > 0 && step % interval == 0)
      || (position.endsPhase && plan.phases.count <= Self.mostPhaseEnds)
  }

  /// With more phases than this, their ends are no occasion to evaluate and to save.
  static let mostPhaseEnds = 64

  /// Writes the checkpoint of the step done last; step 0 is the model that training begins with.
  func save() throws {
    try metrics.synchronize()
    state.optimizerStep = optimizer.step
    state.totalSteps = plan.totalSteps
    try run.writeCheckpoint(step: state.step, best: state.best?.step, keep: configuration.keep) { folder in
      try CheckpointFiles.write(
        model: model, optimizer: optimizer, average: average, tokenizer: tokenizer, state: state, to: folder)
    }
  }
}

/// What one step came to: its ``StepMetrics``, whose members are those of the report too, and where it stands.
@dynamicMemberLookup
public struct StepReport: Sendable {
  /// Step 0 only evaluates.
  public var metrics: StepMetrics
  public var totalSteps: Int
  public var position: TrainingPlan.Position
  /// Of the batch.
  public var tokens = 0

  init(step: Int, totalSteps: Int, position: TrainingPlan.Position) {
    metrics = StepMetrics(step: step)
    metrics.epoch = position.epoch + 1
    metrics.phase = position.phase + 1
    metrics.objective = position.mixture.description
    self.totalSteps = totalSteps
    self.position = position
  }

  /// The report of a step that was interrupted before it could be made.
  init(
    _ late: TrainerState.Unevaluated, step: Int, of plan: TrainingPlan, _ configuration: TrainingConfiguration
  ) {
    self.init(step: step, totalSteps: plan.totalSteps, position: plan.position(ofStep: step))
    metrics.loss = late.loss
    metrics.gradientNorm = late.gradientNorm
    metrics.objectiveLosses = late.objectiveLosses ?? [:]
    metrics.tokensPerSecond = late.tokensPerSecond
    metrics.learningRate = configuration.rate(step: step, of: plan)
  }

  public subscript<Value>(dynamicMember path: KeyPath<StepMetrics, Value>) -> Value {
    metrics[keyPath: path]
  }
}

extension Duration {
  /// Never less than none, whatever the clock does.
  package var seconds: Double {
    max(0, Double(components.seconds) + Double(components.attoseconds) * 1e-18)
  }
}
