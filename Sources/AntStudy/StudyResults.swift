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
  /// Spent on pairs.
  public var evaluationSeconds: Double
  /// Dev losses by objective, in nats a label, in the order of their steps; empty where a table of results is all there is.
  public var devLosses: [String: [PlotPoint]] = [:]
  /// What it is compared by.
  var figures: [StudyMeasure: Double] = [:]
  /// Phenomena of the pairs, in their order, and per cent right of each.
  var details: [(phenomenon: String, scoring: Scoring, value: Double)] = []

  /// The last one, in nats a label; nil for an objective that was not evaluated.
  public func devLoss(_ objective: String) -> Double? { figures[.devLoss(objective)] }

  /// From 0 to 1, after the last step; nil for a way of scoring that was not evaluated.
  public func accuracy(_ scoring: Scoring) -> Double? { figures[.pairs(scoring)].map { $0 / 100 } }
}

extension StudyResult {
  /// What stands in the folder of a job's run; nil where it is not done.
  ///
  /// - Parameters:
  ///   - pairs: checksum of the study's; figures of others do not count.
  ///   - step: the last of the run; figures of earlier checkpoints count as those of the best one only.
  init?(of job: Study.Job, in path: String, _ pairs: Study.Pairs, checksum: String, step: Int) throws {
    let url = FileSystem.url(path)
    let best = pairs.scoresBest ? try? RunDirectory(path).checkpoint("best").step : nil
    let records = try EvaluationLog(of: url).read().filter {
      $0.kind == "pairs" && $0.checksum == checksum && $0.rule == pairs.rule.rawValue
    }
    self.job = job
    steps = step
    (seconds, evaluationSeconds) = (0, 0)
    func record(_ scoring: Scoring, step: Int?) -> EvaluationLog.Record? {
      records.last {
        $0.scoring == scoring.rawValue && $0.step == step
          && $0.phenomenon.isExactly(EvaluationLog.Record.mean)
      }
    }
    for scoring in pairs.scoring {
      guard let last = record(scoring, step: step) else { return nil }
      figures[.pairs(scoring)] = 100 * last.accuracy
      evaluationSeconds += last.seconds ?? 0
      if pairs.scoresBest {
        guard let record = record(scoring, step: best) else { return nil }
        figures[.bestPairs(scoring)] = 100 * record.accuracy
        if best != step { evaluationSeconds += record.seconds ?? 0 }
      }
      var seen: Set<ExactText> = [ExactText(EvaluationLog.Record.mean)]
      let own = records.filter { $0.scoring == scoring.rawValue && $0.step == step }
      for first in own where seen.insert(ExactText(first.phenomenon)).inserted {
        let latest = own.last { $0.phenomenon.isExactly(first.phenomenon) } ?? first
        details.append((first.phenomenon, scoring, 100 * latest.accuracy))
      }
    }
    for line in try StepMetrics.read(url.appending(path: "metrics.jsonl")) {
      seconds = line.secondsElapsed ?? seconds
      for (objective, loss) in line.devLosses {
        devLosses[objective, default: []].append(PlotPoint(Double(line.step), loss))
      }
    }
    for (objective, losses) in devLosses {
      figures[.devLoss(objective)] = losses.last?.y
      figures[.bestDevLoss(objective)] = losses.map(\.y).min()
    }
  }
}

/// A figure by which schedules are compared.
enum StudyMeasure: Hashable, Sendable {
  /// Per cent of pairs right after the last step, and at the best checkpoint.
  case pairs(Scoring)
  case bestPairs(Scoring)
  /// Dev loss after the last step, and where it was lowest.
  case devLoss(String)
  case bestDevLoss(String)

  var title: String {
    switch self {
    case .pairs(let scoring): "pairs, \(scoring.rawValue)"
    case .bestPairs(let scoring): "pairs at best, \(scoring.rawValue)"
    case .devLoss(let objective): "dev loss, \(objective)"
    case .bestDevLoss(let objective): "lowest dev loss, \(objective)"
    }
  }

  /// Whose loss it is; nil for pairs.
  var objective: String? {
    switch self {
    case .pairs, .bestPairs: nil
    case .devLoss(let objective), .bestDevLoss(let objective): objective
    }
  }

  /// The figure of that title; nil where a title is none of a figure's.
  init?(title: String) {
    let objective = title.split(separator: ", ", maxSplits: 1).last.map(String.init) ?? ""
    guard let measure = Self.all(Scoring.allCases, [objective]).first(where: { $0.title == title }) else {
      return nil
    }
    self = measure
  }

  /// What it may be.
  var range: ClosedRange<Double> {
    switch self {
    case .pairs, .bestPairs: 0...100
    case .devLoss, .bestDevLoss: 0...Double(Float.greatestFiniteMagnitude)
    }
  }

  /// Whether more is better.
  var isHigherBetter: Bool {
    switch self {
    case .pairs, .bestPairs: true
    case .devLoss, .bestDevLoss: false
    }
  }

  /// Every figure there may be with these ways of scoring, in the order of tables.
  static func all(_ scoring: [Scoring], _ objectives: [String]) -> [StudyMeasure] {
    scoring.map(pairs) + scoring.map(bestPairs) + objectives.map(devLoss) + objectives.map(bestDevLoss)
  }

  func text(_ figure: Double) -> String { String(format: isHigherBetter ? "%.1f" : "%.3f", figure) }
}

/// The results of a study so far: a row a run, means and intervals over the seeds, and what these tell apart.
public struct StudyResults: Sendable {
  public let study: Study
  public let results: [StudyResult]
  let measures: [StudyMeasure]

  init(_ study: Study, _ results: [StudyResult]) {
    self.study = study
    self.results = results
    let found = Set(results.flatMap(\.figures.keys))
    let usual = Objectives.standard.names
    let own = Set(found.compactMap(\.objective)).subtracting(usual).sorted()
    measures = StudyMeasure.all(study.pairs.scoring, usual + own).filter(found.contains)
  }

  /// The figures of one schedule over the seeds; nil where no run of it is done.
  func interval(_ measure: StudyMeasure, model: String, schedule: Study.NamedSchedule) -> Interval? {
    Interval(
      results.filter { $0.job.model == model && $0.job.schedule == schedule }.compactMap {
        $0.figures[measure]
      })
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
  private func finding(_ measure: StudyMeasure, model: String) -> String {
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
