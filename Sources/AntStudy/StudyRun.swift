import AntAutograd
import AntDevice
import AntEvaluation
import AntFiles
import AntInference
import AntModels
import AntText
import AntTraining
import Dispatch
import Foundation
import Synchronization

/// Runs the jobs of a study and evaluates each, in a folder:
///
///     english-…/            text, tokenizer and pairs, where the study brings its own
///     runs/MODEL-SCHEDULE-seedN/   a run directory each, with its evaluations.jsonl
///     results.csv, results.md, plots/
///
/// What is done stays done: started again after a kill, jobs go on where their newest checkpoints stand. A job
/// that fails does not keep the others from being done.
public struct StudyRun: Sendable {
  /// What happens, told as it does.
  public enum Event: Sendable {
    case began(Study.Job, number: Int, of: Int)
    case step(Study.Job, StepReport)
    /// Pairs are being scored: positions done and in all.
    case scoring(Study.Job, Scoring, done: Int, of: Int)
    case finished(StudyResult, number: Int, of: Int)
    case failed(Study.Job, reason: String)
  }

  public let study: Study
  public let folder: URL
  private let text: StudyText
  private let pairs: MinimalPairs
  private let configurations: [TrainingConfiguration]
  /// Of every job.
  private let steps: Int
  /// By the model's name in the study.
  private let models: [String: ModelConfiguration]
  private let architectures: Architectures
  private let objectives: Objectives
  private let optimizers: OptimizerRules
  private let textChecksum: String
  private let lock: RunLock
  /// What is known of jobs whose runs need not be here, by the jobs' names.
  private let done: [String: StudyResult]

  /// Makes the folder and everything that all jobs need; refuses what could not be run.
  ///
  /// - Parameters:
  ///   - done: tables of results (`results.csv`) whose rows need not be trained again; nil for none.
  ///   - architectures: those its models may be of.
  ///   - objectives: those its schedules may name, CLM and MLM among them.
  ///   - optimizers: those its options may name.
  public init(
    _ study: Study, in path: String, done: [String] = [], architectures: Architectures = .standard,
    objectives: Objectives = .standard, optimizers: OptimizerRules = .standard
  ) throws {
    self.study = study
    self.done = try done.reduce(into: [:]) { done, table in
      for result in try StudyResults.read(table, of: study) { done[result.job.name] = result }
    }
    self.architectures = architectures
    self.objectives = objectives
    self.optimizers = optimizers
    folder = FileSystem.url(path)
    try Self.requirePlace(folder, as: path)
    try FileSystem.makeFolder(folder)
    lock = try RunLock(in: folder)
    let text = try StudyText(study, in: folder)
    self.text = text
    var pairs = try MinimalPairs(text.pairs)
    if let limit = study.pairs.limit { pairs.limit(limit) }
    self.pairs = pairs
    let tokenizer = try Tokenizer(contentsOf: URL(filePath: text.tokenizer))
    // Masked training alone is one of the baselines.
    try tokenizer.requireMask()
    var texts = study.training
    texts.training = text.training
    texts.development = text.development
    let read = try TrainingText(texts, tokenizer: tokenizer)
    textChecksum = read.checksum
    let stepsPerEpoch = TrainingData.stepsPerEpoch(
      tokens: read.training.count, length: study.training.length.first, batch: study.training.batch)
    steps = study.epochs * stepsPerEpoch
    configurations = try study.jobs.map {
      try study.configuration(of: $0, text: text, stepsPerEpoch: stepsPerEpoch, objectives: objectives)
    }
    var models: [String: ModelConfiguration] = [:]
    for configuration in configurations where models[configuration.model] == nil {
      let model = try TrainingRun.modelDescription(
        configuration, tokenizer: tokenizer, tokenizerFile: text.tokenizer, architectures: architectures)
      for scoring in study.pairs.scoring {
        _ = try pairs.texts(tokenizer, scoring, maximum: model.architecture.maximumLength)
      }
      models[configuration.model] = model
    }
    self.models = models
    // Told now, not when the first run of a schedule begins, perhaps hours later.
    for (job, configuration) in zip(study.jobs, configurations) where job.seed == study.seeds[0] {
      guard let model = models[configuration.model] else { continue }
      do {
        try TrainingRun.requireFit(
          configuration, model: model, tokenizer: tokenizer, objectives: objectives, optimizers: optimizers)
      } catch let error as TrainingError {
        throw StudyError.unfit(schedule: job.schedule.name, reason: "\(error)")
      }
    }
  }

  /// Throws where the folder holds anything but a study: its files would be replaced.
  private static func requirePlace(_ folder: URL, as path: String) throws {
    guard FileSystem.exists(folder) else { return }
    guard FileSystem.isFolder(folder) else { throw RunError.notAFolder(path: path) }
    let names = try FileSystem.names(in: folder).filter { $0 != "lock" && !$0.hasSuffix(".partial") }
    let isOurs = { (name: String) in
      ["runs", "plots", "results.csv", "results.md"].contains(name) || name.hasPrefix("english-")
    }
    // Tables alone may be somebody's own.
    guard names.allSatisfy(isOurs), names.allSatisfy({ $0.hasPrefix("english-") }) || names.contains("runs")
    else { throw StudyError.notAStudy(folder: path) }
  }

  /// The folder of a job's run.
  func path(of job: Study.Job) -> String { folder.appending(path: "runs/\(job.name)").path }

  /// What became of a job; nil where it is not done.
  ///
  /// - Throws: ``StudyError/otherOptions(run:)`` where what stands there is another run.
  private func result(of job: Study.Job, _ configuration: TrainingConfiguration) throws -> StudyResult? {
    let url = URL(filePath: path(of: job))
    guard FileSystem.exists(url.appending(path: "config.json")) else { return done[job.name] }
    let begun = try RunConfiguration(
      contentsOf: url.appending(path: "config.json"), run: url.path, architectures: architectures)
    guard begun.model == models[job.model], begun.antlm.textChecksum == textChecksum,
      begun.antlm.isBegun(from: configuration)
    else { throw StudyError.otherOptions(run: url.path) }
    return try StudyResult(
      of: job, in: path(of: job), study.pairs, checksum: pairs.checksum, step: steps) ?? done[job.name]
  }

  /// - Parameters:
  ///   - workers: jobs at a time, each on a device of its own.
  ///   - openDevice: opens one.
  ///   - stop: asked often; true ends with a checkpoint of what is under way.
  /// - Returns: the results of all jobs that are done, whether or not all are.
  /// - Throws: ``StudyError/failed(jobs:first:reason:)`` after everything else is done.
  public func callAsFunction(
    workers: Int = 1, openDevice: @Sendable () throws -> any Device,
    until stop: @Sendable () -> Bool = { false },
    report: @Sendable (Event) -> Void = { _ in }
  ) throws -> StudyResults {
    let jobs = study.jobs
    // Nothing is trained beside what was begun otherwise.
    for (job, configuration) in zip(jobs, configurations) { _ = try result(of: job, configuration) }
    let state = Mutex(State(count: jobs.count))
    DispatchQueue.concurrentPerform(iterations: min(workers, jobs.count)) { _ in
      var device: (any Device)?
      while !stop(), let number = state.withLock({ $0.take() }) {
        let job = jobs[number]
        do {
          var result = try self.result(of: job, configurations[number])
          if result == nil {
            report(.began(job, number: number + 1, of: jobs.count))
            let open = try device ?? openDevice()
            device = open
            guard try run(job, configurations[number], on: open, until: stop, report: report) else { return }
            result = try self.result(of: job, configurations[number])
          }
          guard let result else { preconditionFailure("StudyRun: \(job.name) without its evaluation") }
          try state.withLock { state in
            state.results[number] = result
            try StudyResults(study, state.results.compactMap { $0 }).write(to: folder)
          }
          report(.finished(result, number: number + 1, of: jobs.count))
        } catch is Stopped {
          return
        } catch {
          // A device that has failed stays failed.
          device = nil
          let reason = "\(error)"
          state.withLock { $0.failures.append((job.name, reason)) }
          report(.failed(job, reason: reason))
        }
      }
    }
    let (results, failures) = state.withLock { ($0.results.compactMap { $0 }, $0.failures) }
    if let first = failures.first {
      throw StudyError.failed(jobs: failures.count, first: first.job, reason: first.reason)
    }
    return StudyResults(study, results)
  }

  private struct Stopped: Error {}

  private struct State {
    var results: [StudyResult?]
    var failures: [(job: String, reason: String)] = []
    private var next = 0

    init(count: Int) { results = Array(repeating: nil, count: count) }

    /// The next job that nobody has begun.
    mutating func take() -> Int? {
      guard next < results.count else { return nil }
      next += 1
      return next - 1
    }
  }

  /// Trains and evaluates. False where it was stopped before that was done.
  private func run(
    _ job: Study.Job, _ configuration: TrainingConfiguration, on device: any Device, until stop: () -> Bool,
    report: (Event) -> Void
  ) throws -> Bool {
    let path = path(of: job)
    let trainer: Trainer
    if FileSystem.exists(URL(filePath: path).appending(path: "config.json")) {
      // The study's folder may have been moved, and its text with it.
      trainer = try TrainingRun.resume(
        path, on: device, training: text.training, development: text.development,
        optimizers: optimizers, architectures: architectures, objectives: objectives)
    } else {
      try FileSystem.makeFolder(folder.appending(path: "runs"))
      trainer = try TrainingRun.start(
        configuration, tokenizerFile: text.tokenizer, in: path, on: device, architectures: architectures,
        objectives: objectives, optimizers: optimizers)
    }
    guard try trainer.train(until: stop, report: { report(.step(job, $0)) }) == .finished else {
      return false
    }

    // The last may be the best.
    let checkpoints = try (study.pairs.scoresBest ? ["latest", "best"] : ["latest"]).map {
      try trainer.run.checkpoint($0).name
    }
    for checkpoint in Set(checkpoints).sorted() {
      try score(job, checkpoint, on: device, until: stop, report: report)
    }
    return true
  }

  /// Adds the figures of one checkpoint to its run's evaluations.
  private func score(
    _ job: Study.Job, _ checkpoint: String, on device: any Device, until stop: () -> Bool,
    report: (Event) -> Void
  ) throws {
    let path = path(of: job)
    let trained = try TrainedModel(path, checkpoint: checkpoint, on: device, architectures: architectures)
    guard let step = trained.source?.step else { return }
    var records: [EvaluationLog.Record] = []
    let rule = study.pairs.rule
    for scoring in study.pairs.scoring {
      let begin = ContinuousClock.now
      let scores = try pairs.scores(of: trained, scoring) { done, total in
        if stop() { throw Stopped() }
        report(.scoring(job, scoring, done: done, of: total))
      }
      records += pairs.records(
        pairs.accuracies(scores, scoring, rule: rule), scoring, rule: rule, step: step,
        duration: begin.duration(to: .now))
    }
    try EvaluationLog(of: URL(filePath: path)).append(records)
  }
}
