import AntEvaluation
import AntFiles
import AntInference
import AntReport
import AntText
import AntTraining
import Foundation

/// What became of one job.
public struct StudyResult: Sendable {
  public var job: Study.Job
  /// Steps trained.
  public var steps: Int
  /// Spent training, its own evaluations included.
  public var seconds: Double
  /// Dev losses by objective, in nats a label, in the order of their steps.
  public var devLosses: [String: [PlotPoint]]
  /// Figures of the study's pairs, after the last step.
  public var pairs: [EvaluationLog.Record]

  /// Spent on pairs.
  public var evaluationSeconds: Double {
    Scoring.allCases.reduce(0) { $0 + (figure($1)?.seconds ?? 0) }
  }

  /// The last one, in nats a label; nil for an objective that was not evaluated.
  public func devLoss(_ objective: String) -> Double? { devLosses[objective]?.last?.y }

  /// From 0 to 1; nil for a phenomenon or a way of scoring that was not evaluated.
  public func accuracy(_ scoring: Scoring, _ phenomenon: String = EvaluationLog.Record.mean) -> Double? {
    figure(scoring, phenomenon)?.accuracy
  }

  private func figure(_ scoring: Scoring, _ phenomenon: String = EvaluationLog.Record.mean)
    -> EvaluationLog.Record?
  {
    pairs.last { $0.scoring == scoring.rawValue && $0.phenomenon.isExactly(phenomenon) }
  }
}

extension StudyResult {
  /// What stands in the folder of a job's run; nil where it is not done.
  ///
  /// - Parameters:
  ///   - pairs: checksum of the study's; figures of others do not count, nor those of a checkpoint before `step`.
  ///   - step: the last of the run.
  init?(
    of job: Study.Job, in path: String, scoring: [Scoring], rule: MinimalPairs.Rule, pairs checksum: String,
    step: Int
  ) throws {
    let url = FileSystem.url(path)
    pairs = try EvaluationLog(of: url).read().filter {
      $0.kind == "pairs" && $0.checksum == checksum && $0.rule == rule.rawValue && $0.step == step
    }
    self.job = job
    steps = step
    seconds = 0
    devLosses = [:]
    guard scoring.allSatisfy({ accuracy($0) != nil }) else { return nil }
    for line in try StepMetrics.read(url.appending(path: "metrics.jsonl")) {
      seconds = line.secondsElapsed ?? seconds
      for (objective, loss) in line.devLosses {
        devLosses[objective, default: []].append(PlotPoint(Double(line.step), loss))
      }
    }
  }
}

/// The results of a study so far: a row a run, means and intervals over the seeds, and what these tell apart.
public struct StudyResults: Sendable {
  /// A figure by which schedules are compared.
  enum Measure: Equatable {
    case pairs(Scoring)
    case devLoss(String)

    var title: String {
      switch self {
      case .pairs(let scoring): "pairs, \(scoring.rawValue)"
      case .devLoss(let objective): "dev loss, \(objective)"
      }
    }

    /// Whether more is better.
    var isHigherBetter: Bool { if case .pairs = self { true } else { false } }

    func figure(_ result: StudyResult) -> Double? {
      switch self {
      case .pairs(let scoring): result.accuracy(scoring).map { 100 * $0 }
      case .devLoss(let objective): result.devLoss(objective)
      }
    }

    func text(_ figure: Double) -> String {
      switch self {
      case .pairs: String(format: "%.1f", figure)
      case .devLoss: String(format: "%.3f", figure)
      }
    }
  }

  public let study: Study
  public let results: [StudyResult]
  private let phenomena: [String]
  let measures: [Measure]

  init(_ study: Study, _ results: [StudyResult]) {
    self.study = study
    self.results = results
    phenomena =
      results.first?.pairs.map(\.phenomenon).reduce(into: []) { names, name in
        if name != EvaluationLog.Record.mean, !names.contains(where: name.isExactly) { names.append(name) }
      } ?? []
    let objectives = Set(results.flatMap(\.devLosses.keys))
    measures =
      study.pairs.scoring.map(Measure.pairs)
      + Objectives.standard.names.filter(objectives.contains).map(Measure.devLoss)
  }

  /// The figures of one schedule over the seeds; nil where no run of it is done.
  func interval(_ measure: Measure, model: String, schedule: Study.NamedSchedule) -> Interval? {
    Interval(
      results.filter { $0.job.model == model && $0.job.schedule == schedule }.compactMap(measure.figure))
  }

  /// Puts `results.csv`, `results.md` and the plots in place.
  func write(to folder: URL) throws {
    try FileSystem.makeFolder(folder.appending(path: "plots"))
    for (name, text) in [("results.csv", csv), ("results.md", markdown)] + plots {
      let file = try OutputFile(folder.appending(path: name))
      try file.write(text)
      try file.finish()
    }
  }

  /// A row a run.
  var csv: String {
    func quoted(_ cell: String) -> String {
      cell.unicodeScalars.contains { [",", "\"", "\n", "\r"].contains($0) }
        ? "\"" + cell.replacingExactly("\"", with: "\"\"") + "\"" : cell
    }
    var rows = [["model", "schedule", "notation", "seed", "steps", "seconds", "evaluationSeconds"]]
    rows[0] += measures.map(\.title)
    let details = study.pairs.scoring.flatMap { scoring in phenomena.map { (scoring, $0) } }
    rows[0] += details.map { "\($1), \($0.rawValue)" }
    for result in results {
      let job = result.job
      rows.append(
        [
          job.model, job.schedule.name, job.schedule.notation, "\(job.seed)", "\(result.steps)",
          String(format: "%.1f", result.seconds), String(format: "%.1f", result.evaluationSeconds),
        ] + measures.map { measure in measure.figure(result).map { String(format: "%.4f", $0) } ?? "" }
          + details.map { result.accuracy($0, $1).map { String(format: "%.2f", 100 * $0) } ?? "" })
    }
    return rows.map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
  }

  /// Tables of means and intervals, and what they tell apart.
  public var markdown: String {
    var text = "# Study of schedules\n\n"
    let jobs = study.jobs.count
    text += "\(results.count) of \(jobs) runs; \(study.epochs) epochs each, seeds "
    text += study.seeds.map(String.init).joined(separator: ", ") + ". "
    text +=
      study.seeds.count > 1
      ? "Means over the seeds ± half of their 95 % interval (Student's t). "
      : "One seed: there is no interval, and nothing is compared. "
    if study.seeds.count > 1 {
      text +=
        "They tell how far initial weights and the order of the data move a figure, on one text and one set of "
        + "pairs; of many intervals a few lie apart by chance. Seeds that all agree have no interval. "
    }
    text +=
      "Pairs in per cent right, chance 50; dev losses in nats a label, masked text at the rate of training.\n"
    for model in study.models {
      text += "\n## \(Study.shortName(model))\n\n"
      text += Self.row(["schedule", "notation", "runs"] + measures.map(\.title))
      text += Self.row(["---", "---", "---:"] + measures.map { _ in "---:" })
      for schedule in study.schedules {
        let count = results.filter { $0.job.model == model && $0.job.schedule == schedule }.count
        text += Self.row(
          [schedule.name, "`\(schedule.notation)`", "\(count)"]
            + measures.map { measure in
              guard let interval = interval(measure, model: model, schedule: schedule) else { return "–" }
              return measure.text(interval.mean) + (interval.margin.map { " ± " + measure.text($0) } ?? "")
            })
      }
      if study.seeds.count > 1 {
        text += "\nWhat the seeds tell apart, where the intervals of two schedules do not overlap:\n\n"
        for measure in measures { text += "- " + finding(measure, model: model) + "\n" }
      }
    }
    return text
  }

  /// How the schedules stand to the baselines and whether one stands above all. Names come in the study's order,
  /// so that no rank is read into it.
  private func finding(_ measure: Measure, model: String) -> String {
    let intervals = study.schedules.compactMap { schedule in
      interval(measure, model: model, schedule: schedule).map { (name: schedule.name, interval: $0) }
    }
    func isBetter(_ a: Interval, _ b: Interval) -> Bool {
      measure.isHigherBetter ? a.isAbove(b) : b.isAbove(a)
    }
    var sentences: [String] = []
    for baseline in Study.baselines {
      guard let own = intervals.first(where: { $0.name == baseline })?.interval else { continue }
      let others = intervals.filter { $0.name != baseline }
      func list(_ which: (Interval) -> Bool) -> String {
        let names = others.filter { which($0.interval) }.map(\.name)
        return names.isEmpty ? "none" : names.joined(separator: ", ")
      }
      sentences.append(
        "against \(baseline) alone, better: \(list { isBetter($0, own) }); worse: \(list { isBetter(own, $0) }); "
          + "not told apart: \(list { !isBetter($0, own) && !isBetter(own, $0) })")
    }
    // Nothing is best before everything is there.
    let best = intervals.filter { one in
      intervals.count == study.schedules.count
        && intervals.allSatisfy { $0.interval.count == study.seeds.count }
        && intervals.allSatisfy { $0.name == one.name || isBetter(one.interval, $0.interval) }
    }
    sentences.append(
      best.first.map { "better than all others: \($0.name)" } ?? "none is better than all others")
    return "**\(measure.title)**: " + sentences.joined(separator: ". ") + "."
  }

  private static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
}
