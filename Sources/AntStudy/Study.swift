import AntEvaluation
import AntInference
import AntText
import AntTraining
import Foundation

/// Models × schedules × seeds, all trained alike on the same text for the same number of epochs, and compared.
///
/// The baselines, causal alone and masked alone, are part of every study.
public struct Study: Sendable, Equatable {
  /// A schedule, what it is called, and how its runs are trained.
  public struct NamedSchedule: Sendable, Equatable {
    public var name: String
    public var notation: String
    /// What the study's runs share, with what this one has of its own.
    public var training: TrainingConfiguration
  }

  /// What is trained and evaluated on.
  public enum Text: Sendable, Equatable {
    /// Simple English that the program makes, and minimal pairs of each phenomenon.
    case english(sentences: Int, vocabulary: Int, pairs: Int)
    case files(training: [String], development: [String], tokenizer: String)
  }

  /// The minimal pairs that runs are evaluated on.
  public struct Pairs: Sendable, Equatable {
    /// None for those that belong to the built-in text.
    public var paths: [String] = []
    public var limit: Int?
    public var rule = MinimalPairs.Rule.babylm2025
    public var scoring: [Scoring] = [.causal, .mlm]
    /// Whether each run's best checkpoint is scored beside its last one.
    public var scoresBest = false
  }

  /// One run of a study.
  public struct Job: Sendable, Equatable {
    public var model: String
    public var schedule: NamedSchedule
    public var seed: UInt64

    /// The name of its run's folder.
    public var name: String { "\(Study.shortName(model))-\(schedule.name)-seed\(seed)" }
  }

  /// One objective alone, by the names that schedules of it have.
  static let baselines = ["CLM", "MLM"]

  /// Presets, or config.json files.
  public var models: [String]
  public var epochs: Int
  /// The baselines come first.
  public var schedules: [NamedSchedule]
  public var seeds: [UInt64]
  public var text: Text
  public var pairs = Pairs()
  /// What all runs share unless their schedule says otherwise; model, schedule, text and seed are those of the job.
  public var training: TrainingConfiguration

  /// Seeds change slowest, so that a study cut short has compared everything for some seeds.
  public var jobs: [Job] {
    seeds.flatMap { seed in
      models.flatMap { model in schedules.map { Job(model: model, schedule: $0, seed: seed) } }
    }
  }

  /// `llama-micro`, or what a config.json is called.
  static func shortName(_ model: String) -> String {
    model.hasSuffix(".json") ? URL(filePath: model).deletingPathExtension().lastPathComponent : model
  }

  /// The options of one job.
  ///
  /// - Parameter stepsPerEpoch: on the study's text.
  /// - Throws: ``StudyError`` where the schedule does not come to the study's epochs.
  func configuration(of job: Job, text: StudyText, stepsPerEpoch: Int, objectives: Objectives) throws
    -> TrainingConfiguration
  {
    let steps = epochs * stepsPerEpoch
    let schedule = try Schedule(job.schedule.notation, objectives: objectives)
    let planned = try TrainingPlan(schedule, stepsPerEpoch: stepsPerEpoch).totalSteps
    let countsSteps = schedule.phases.contains { if case .steps = $0.duration { true } else { false } }
    guard planned == steps || countsSteps && planned > steps else {
      throw StudyError.unequal(
        schedule: job.schedule.name, steps: planned, of: steps, epochs: epochs, countsSteps: countsSteps)
    }
    var configuration = job.schedule.training
    // What all share for an objective goes to those that train it.
    let mixtures = schedule.phases.map(\.mixture)
    let named = Set(mixtures.flatMap(\.objectives))
    let mixed = Set(mixtures.filter(\.isMixed).flatMap(\.objectives))
    if configuration.learningRate == training.learningRate {
      configuration.learningRate.own = training.learningRate.own.filter { named.contains($0.key) }
    }
    if configuration.weight == training.weight {
      configuration.weight.own = training.weight.own.filter { mixed.contains($0.key) }
    }
    configuration.model = job.model
    configuration.schedule = schedule.description
    configuration.training = text.training
    configuration.development = text.development
    configuration.seed = job.seed
    configuration.maximumSteps = planned == steps ? nil : steps
    configuration.keep = 1
    return configuration
  }
}

/// Why a study cannot be run. Each description is one line: what, where, what to do.
public enum StudyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Something in study.yaml; the line is nil where the file as a whole is meant.
  case file(path: String, line: Int?, reason: String)
  /// A schedule that is longer or shorter than the others.
  case unequal(schedule: String, steps: Int, of: Int, epochs: Int, countsSteps: Bool)
  /// A schedule whose options do not fit it.
  case unfit(schedule: String, reason: String)
  /// A folder that holds other things.
  case notAStudy(folder: String)
  /// A run of the study's folder that was begun with other options.
  case otherOptions(run: String)
  /// A row of a table of results that is none of the study's.
  case row(path: String, line: Int, reason: String)
  /// Some jobs could not be done; the first of them and why.
  case failed(jobs: Int, first: String, reason: String)

  public var description: String { message.onOneLine }

  private var message: String {
    switch self {
    case .file(let path, let line, let reason):
      "\(path)\(line.map { ", line \($0)" } ?? ""): \(reason)"
    case .unequal(let schedule, let steps, let total, let epochs, let countsSteps):
      "schedule \(schedule) makes \(steps) steps, and the study's \(epochs) epochs are \(total); "
        + (countsSteps ? "let it repeat more often, it is cut there" : "let its epochs add up to \(epochs)")
    case .unfit(let schedule, let reason): "schedule \(schedule): \(reason)"
    case .notAStudy(let folder):
      "\(folder) holds other things than a study; choose a new folder, or that of a study to go on with"
    case .otherOptions(let run):
      "\(run) was begun with other options than the study now has; restore those, or choose another folder"
    case .row(let path, let line, let reason): "\(path), line \(line): \(reason)"
    case .failed(let jobs, let first, let reason):
      "\(jobs) run\(jobs == 1 ? "" : "s") of the study failed; \(first): \(reason)"
    }
  }

  /// Whether the command line and the file are to blame.
  public var isUsage: Bool {
    switch self {
    case .file, .unequal, .unfit, .notAStudy, .otherOptions, .row: true
    case .failed: false
    }
  }
}
