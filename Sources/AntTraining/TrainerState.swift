import AntFiles
import Foundation

/// What a checkpoint keeps beside weights and moments: `trainer.json`.
///
/// Everything else of a run follows from the configuration and the step: data order, masks and dropout are
/// drawn by counters, and the learning rate is a function of the step.
struct TrainerState: Codable, Equatable {
  /// The step after which the dev loss that decides was lowest.
  struct Best: Codable, Equatable {
    var step: Int
    var devLoss: Double
  }

  /// What the report of a step holds before its evaluation.
  struct Unevaluated: Codable, Equatable {
    var loss: Float
    var gradientNorm: Float
    var tokensPerSecond: Double
    /// Of a mixture's objectives; older checkpoints have none.
    var objectiveLosses: [String: Double]?

    init(_ report: StepReport) {
      loss = report.loss ?? 0
      gradientNorm = report.gradientNorm ?? 0
      // JSON has no infinity, which a clock that stands gives.
      objectiveLosses = report.objectiveLosses.filter(\.value.isFinite)
      tokensPerSecond = report.tokensPerSecond.flatMap { $0.isFinite ? $0 : nil } ?? 0
    }
  }

  /// Steps done.
  var step = 0
  /// Updates the moments have seen: steps since the last reset.
  var optimizerStep = 0
  /// Steps of the whole run.
  var totalSteps = 0
  var best: Best?
  /// There where the evaluation after ``step`` was cut short and is to be made up for.
  var unevaluated: Unevaluated?

  static let fileName = "trainer.json"

  func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try FileSystem.write(try encoder.encode(self), to: folder.appending(path: Self.fileName))
  }

  init() {}

  /// The step of the best checkpoint, as the one in `folder` has it; nil where it tells of none.
  static func best(recordedIn folder: URL) -> Int? {
    (try? JSONReader().decode(Self.self, from: FileSystem.read(own: folder.appending(path: fileName))))?
      .best?
      .step
  }

  /// Throws ``RunError`` where the file is not that of `checkpoint` in a run of these options.
  init(_ checkpoint: Checkpoint, of plan: TrainingPlan, _ configuration: TrainingConfiguration) throws {
    let url = checkpoint.url.appending(path: Self.fileName)
    let state: TrainerState
    do {
      state = try JSONReader().decode(Self.self, from: FileSystem.read(own: url))
    } catch let error as DecodingError {
      throw RunError.damaged(path: url.path, reason: error.problem)
    } catch let error as FileError {
      throw RunError.damaged(path: url.path, reason: error.reason)
    } catch let error as FileKindError {
      throw RunError.damaged(path: url.path, reason: "it is \(error.found)")
    }
    let step = checkpoint.step
    guard state.step == step else {
      throw RunError.damaged(path: url.path, reason: "it says step \(state.step)")
    }
    // A run that was prolonged since has a checkpoint of before.
    guard plan.parts.contains(where: { $0.upperBound == state.totalSteps }),
      (0...state.totalSteps).contains(step)
    else {
      throw RunError.optionsChanged(
        checkpoint: checkpoint.url.path, was: state.totalSteps, now: plan.totalSteps)
    }
    let updates =
      switch configuration.optimizerState {
      case .keep: step
      case .reset where step == 0: 0
      case .reset: step - plan.phases[plan.position(ofStep: step).phase].steps.lowerBound + 1
      }
    guard state.optimizerStep == updates else {
      throw RunError.damaged(
        path: url.path, reason: "optimizerStep is \(state.optimizerStep) where it must be \(updates)")
    }
    guard state.best.map({ $0.step >= 1 && $0.step <= step }) ?? true else {
      throw RunError.damaged(
        path: url.path, reason: "the best step is \(state.best?.step ?? 0), none of the \(step) done")
    }
    self = state
  }
}
