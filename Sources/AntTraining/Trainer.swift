import AntAutograd
import AntDevice
import AntFiles
import AntModels
import AntText
import Foundation

/// Trains one model under a schedule of objectives.
///
/// A step, for the labels L of the whole batch, split into parts only to save memory:
///
///     gradients = sum over parts of d/dw (1 / |L|) sum of losses
///     norm, clip and update on the device; the host reads back one word group: norm, loss, finite
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
  let optimizer: Optimizer
  /// The running mean of the weights, which is what is evaluated and saved; nil where these are.
  private let average: WeightAverage?
  private let device: any Device
  private let tokenizer: Tokenizer
  private let data: TrainingData
  private let evaluation: Evaluation?
  private let metrics: MetricsLog
  private let events: EventFile
  private let lock: RunLock
  private let loss: BufferSlice
  private(set) var state: TrainerState
  /// Called with the step before its update: a test's place to spoil a gradient.
  var beforeUpdate: (Int, Parameters) -> Void = { _, _ in }

  init(
    _ configuration: TrainingConfiguration, plan: TrainingPlan, model: any Transformer,
    optimizer: Optimizer, average: WeightAverage?, tokenizer: Tokenizer, data: TrainingData,
    evaluation: Evaluation?, state: TrainerState, run: RunDirectory, lock: RunLock, device: any Device
  ) throws {
    self.configuration = configuration
    self.plan = plan
    self.model = model
    self.optimizer = optimizer
    self.average = average
    self.tokenizer = tokenizer
    self.data = data
    self.evaluation = evaluation
    self.state = state
    self.run = run
    self.lock = lock
    self.device = device
    // A run without a checkpoint writes the line of step 0 again, and a step without its evaluation its own.
    metrics = try MetricsLog(
      run.metrics, through: state.step == 0 ? -1 : state.unevaluated == nil ? state.step : state.step - 1)
    events = try EventFile(in: run.tensorboard, metrics: run.metrics)
    loss = device.makeBuffer(.float32, count: 1)[...]
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
      first.devLosses = losses
      first.secondsElapsed = elapsed()
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
        stepReport.tokensPerSecond = Double(stepReport.tokens) / started.duration(to: clock.now).seconds
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
        stepReport.devLosses = losses
        let mean = losses.values.reduce(0, +) / Double(losses.count)
        if mean.isFinite, mean < state.best?.devLoss ?? .infinity {
          state.best = TrainerState.Best(step: step, devLoss: mean)
          isBest = true
        }
      }
      state.unevaluated = nil
      stepReport.secondsElapsed = elapsed()
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
    try metrics.append(report.json)
    try events.append(MetricsLine(report))
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
    let objective = Objectives.named(
      position.objective, tokenizer: tokenizer,
      maskRate: configuration.maskRate(step: step, of: plan.totalSteps), maskUnit: configuration.maskUnit)
    if configuration.optimizerState == .reset, step > 1, step == phase.steps.lowerBound { optimizer.reset() }

    let parts = data.parts(ofStep: step, objective: objective)
    let labels = parts.reduce(0) { $0 + $1.batch.labels.count }
    model.parameters.zeroGradients()
    device.elementwise(Fill(loss, with: 0))
    let dropout = model.configuration.architecture.dropoutRates(configuration.dropout)
    var firstLabel = 0
    for (first, batch) in parts {
      model.accumulateGradients(
        batch.input, labels: batch.targets, scale: labels == 0 ? 0 : 1 / Float(labels),
        dropout: DropoutContext(
          rates: dropout, seed: configuration.seed, step: step, firstSample: first, firstLabel: firstLabel),
        loss: loss)
      firstLabel += batch.targets.count
    }
    beforeUpdate(step, model.parameters)
    let rate = configuration.rate(step: step, of: plan)
    optimizer.update(learningRate: rate, maximumNorm: configuration.clip, loss: loss)
    let status = try optimizer.status()
    guard status.isFinite else {
      throw TrainingError.notFinite(
        step: step, phase: "\(position.phase + 1), \(phase.phase)", loss: status.loss, norm: status.norm,
        checkpoint: try? run.checkpoint().url.path)
    }
    average?.update()
    state.step = step
    var report = StepReport(step: step, totalSteps: plan.totalSteps, position: position)
    report.loss = status.loss
    report.gradientNorm = status.norm
    report.learningRate = rate
    report.tokens = parts.reduce(0) { $0 + $1.batch.ids.count }
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

  private func save() throws {
    try metrics.synchronize()
    state.optimizerStep = optimizer.step
    state.totalSteps = plan.totalSteps
    try run.writeCheckpoint(step: state.step, best: state.best?.step, keep: configuration.keep) { folder in
      try CheckpointFiles.write(
        model: model, optimizer: optimizer, average: average, tokenizer: tokenizer, state: state, to: folder)
    }
  }
}

/// What one step came to.
public struct StepReport: Sendable {
  public var step: Int
  public var totalSteps: Int
  public var position: TrainingPlan.Position
  /// Of the batch, before the update, in nats a label; nil at step 0, which only evaluates (`--eval-first`).
  public var loss: Float?
  /// Before clipping.
  public var gradientNorm: Float?
  public var learningRate: Float?
  /// By objective, where the step was followed by an evaluation.
  public var devLosses: [String: Double] = [:]
  public var tokens = 0
  public var tokensPerSecond: Double?
  /// Since training began, interruptions not counted.
  public var secondsElapsed = 0.0

  init(step: Int, totalSteps: Int, position: TrainingPlan.Position) {
    self.step = step
    self.totalSteps = totalSteps
    self.position = position
  }

  /// The report of a step that was interrupted before it could be made.
  init(
    _ late: TrainerState.Unevaluated, step: Int, of plan: TrainingPlan, _ configuration: TrainingConfiguration
  ) {
    self.init(step: step, totalSteps: plan.totalSteps, position: plan.position(ofStep: step))
    loss = late.loss
    gradientNorm = late.gradientNorm
    tokensPerSecond = late.tokensPerSecond
    learningRate = configuration.rate(step: step, of: plan)
  }

  /// The line of metrics.jsonl. Epoch and phase count from 1; what depends on the clock comes last.
  public var json: JSONObject {
    var object = JSONObject()
    object.set("step", step)
    object.set("epoch", position.epoch + 1)
    object.set("phase", position.phase + 1)
    object.set("objective", position.objective)
    object.set("loss", loss)
    object.set("gradientNorm", gradientNorm)
    object.set("learningRate", learningRate)
    for (name, loss) in devLosses.sorted(by: { $0.key < $1.key }) { object.set("devLoss\(name)", loss) }
    object.set("tokensPerSecond", tokensPerSecond)
    object.set("secondsElapsed", secondsElapsed)
    return object
  }
}

extension Duration {
  /// Never less than none, whatever the clock does.
  package var seconds: Double {
    max(0, Double(components.seconds) + Double(components.attoseconds) * 1e-18)
  }
}
