import AntInference
import AntStudy
import ArgumentParser
import Foundation
import Synchronization

/// `antlm study`
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract:
      "Compares schedules: trains models under each of them with several seeds, and evaluates every run.",
    discussion: """
      Without --config it asks whether a second objective helps a llama-micro that
      reads a thousand simple sentences 188 times: 18 runs. A study goes on
      where it was stopped or killed, and takes up what a longer list of seeds,
      models or schedules adds. Results stand in the folder's results.csv and
      results.md, rewritten after every run; a schedule is called better than
      another only where the intervals over the seeds do not overlap.

      Examples:
        antlm study --print-config > study.yaml
        antlm study --config study.yaml --out study
        antlm report study/runs/*
      """)

  @Option(help: ArgumentHelp("What to compare. (default: the study of --print-config)", valueName: "file"))
  var config: String?
  @Option(help: "The study's folder: new, or one to go on in.")
  var out: String?
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Tables of results (results.csv) of this study, whose runs are taken as done.", valueName: "table"))
  var done: [String] = []
  @Option(help: "Runs at a time, each on its own share of the cores or in a queue of its own.")
  var jobs = 1
  @Flag(help: "Print the default study as a file to start from.")
  var printConfig = false
  @OptionGroup var compute: DeviceOptionGroup

  func validate() throws {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    guard (1...cores).contains(jobs) else {
      throw ValidationError("--jobs is \(jobs); it must be 1 to \(cores), the cores of this machine")
    }
    guard !compute.profile else {
      throw ValidationError("--profile cannot tell runs apart; profile one with 'antlm train --profile'")
    }
    guard printConfig || out?.isEmpty == false else {
      throw ValidationError("--out is missing; name the study's folder")
    }
  }

  func run() throws {
    guard let out, !printConfig else {
      emit(Study.defaultFile.withoutTrailingSpace)
      return
    }
    let study = try Study(contentsOf: config)
    let isNew = access(out, F_OK) != 0
    let run: StudyRun
    do {
      run = try StudyRun(study, in: out, done: done)
    } catch {
      // A study that cannot be run leaves no folder behind, unless there is something in it.
      if isNew { rmdir(out) }
      throw error
    }
    var shared = compute
    if jobs > 1, compute.threads == nil {
      shared.threads = max(1, ProcessInfo.processInfo.activeProcessorCount / jobs)
    }
    // Said once, whatever is passed over.
    let device = try shared.open()
    warn("device: \(device.info.name)")
    Interruption.watch("stopping after this step; 'antlm study' with the same --out goes on")
    let options = shared
    let progress = StudyProgress(jobs: study.jobs.count)
    let results = try run(
      workers: jobs, openDevice: { try options.open(examined: false) }, until: { Interruption.isRequested },
      report: progress.show)
    progress.end()
    guard results.results.count == study.jobs.count else {
      warn("stopped with \(results.results.count) of \(study.jobs.count) runs done; the same command goes on")
      return
    }
    emit(results.markdown.withoutTrailingSpace)
  }
}

/// What a study prints while it runs: a line for each run that begins or is done, and how far the study is.
private final class StudyProgress: Sendable {
  private struct State {
    let line = Progress()
    /// Runs that were done before this call.
    var found = 0
    var finished = 0
    /// Part of each run under way that is trained.
    var parts: [String: Double] = [:]
    /// Part of the runs taken up that was trained before.
    var foundParts = 0.0

    /// - Parameter text: what is being done.
    func show(_ text: String, jobs: Int) {
      let done = Double(finished) + parts.values.reduce(0, +) - foundParts
      line.show(text, done: Int(1000 * done), of: Int(1000 * (Double(jobs - found) - foundParts)))
    }
  }

  private let jobs: Int
  private let state = Mutex(State())

  init(jobs: Int) { self.jobs = jobs }

  func show(_ event: StudyRun.Event) {
    state.withLock { state in
      switch event {
      case .began(let job, let number, let count):
        state.line.end()
        if state.parts.isEmpty, state.finished == 0, state.found > 0 {
          warn("done already: \(state.found)")
        }
        state.parts[job.name] = 0
        warn("run \(number) of \(count): \(job.name)")
      case .step(let job, let report):
        // Scoring comes after the last step.
        func part(_ step: Int) -> Double { 0.99 * Double(step) / Double(report.totalSteps) }
        if state.parts[job.name] == 0 { state.foundParts += part(max(0, report.step - 1)) }
        state.parts[job.name] = part(report.step)
        let loss = report.loss.map { String(format: "  loss %.4f", $0) } ?? ""
        state.show("\(job.name)  step \(report.step)/\(report.totalSteps)\(loss)", jobs: jobs)
      case .scoring(let job, let scoring, let done, let total):
        state.show("\(job.name)  pairs, \(scoring.rawValue): \(100 * done / total) %", jobs: jobs)
      case .finished(let result, let number, let count):
        guard state.parts.removeValue(forKey: result.job.name) != nil else {
          state.found += 1
          return
        }
        state.finished += 1
        state.line.end()
        let losses = result.devLosses.keys.sorted().compactMap { objective in
          result.devLoss(objective).map { objective + String(format: " %.3f", $0) }
        }.joined(separator: "  ")
        let pairs = Scoring.allCases.compactMap { scoring in
          result.accuracy(scoring).map { scoring.rawValue + String(format: " %.1f %%", 100 * $0) }
        }.joined(separator: "  ")
        let seconds = String(format: "%.0f s", result.seconds + result.evaluationSeconds)
        warn(
          "run \(number) of \(count): \(result.job.name) took \(seconds): dev loss \(losses)  pairs \(pairs)")
      case .failed(let job, let reason):
        state.parts[job.name] = nil
        state.finished += 1
        state.line.end()
        warn("\(job.name): \(reason)")
      }
    }
  }

  func end() { state.withLock { $0.line.end() } }
}
