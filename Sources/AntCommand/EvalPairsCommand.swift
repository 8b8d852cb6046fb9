import AntEvaluation
import AntFiles
import AntInference
import AntText
import ArgumentParser
import Foundation

/// `antlm eval pairs`
struct EvalPairsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pairs",
    abstract: "How often a model finds the right sentence of a pair the more probable one.",
    discussion: """
      PATH is a file of one JSON object a line, or a folder of *.jsonl: BLiMP and
      its supplement (sentence_good, sentence_bad), EWoK (Context1, Target1,
      Target2), or what 'antlm corpus --pairs' writes. Chance is 0.5; a tie goes to
      the right one. The mean is over phenomena, each counting the same.

      causal compares log-likelihoods; prefix does so too, but what both sentences
      begin with, contexts included, is read both ways; mlm masks each token alone
      and reads it in its place; mntp reads it one position earlier; all stands for
      every reading that the tokenizer allows. By the rule of 2024 mlm compares
      means over the tokens, by that of 2025 sums. Where a run's folder is
      named, its figures are also added to its evaluations.jsonl, for 'antlm report'.

      Examples:
        antlm eval pairs run pairs.jsonl --limit 100
        antlm eval pairs run blimp/ supplement/ --scoring causal mntp --rule 2025 \\
            --markdown
      """)

  @OptionGroup var source: ModelArguments

  @Argument(help: ArgumentHelp("Files or folders of pairs.", valueName: "path"))
  var paths: [String]
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "causal, mlm, mntp or prefix, or several; or all. (default: causal mlm)", valueName: "reading"))
  var scoring: [ScoringArgument] = []
  @Option(help: "The year of the BabyLM evaluation whose rule compares: 2024 or 2025.")
  var rule = MinimalPairs.Rule.babylm2025
  @Option(help: "Pairs of each phenomenon at most.")
  var limit: Int?
  @Option(
    help: ArgumentHelp("Also write the scores of every pair here, one JSON object a line.", valueName: "file")
  )
  var scores: String?
  @Option(
    help: ArgumentHelp(
      "Positions of a batch, padding included; takes memory and time, changes no score.",
      valueName: "n"))
  var batchPositions = Scorer.defaultPositions
  @Flag(help: "One JSON object a phenomenon.")
  var json = false
  @Flag(help: "A Markdown table.")
  var markdown = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more") }
    guard (1...1 << 20).contains(batchPositions) else {
      throw ValidationError("--batch-positions must be 1 to 1048576")
    }
    guard !(json && markdown) else { throw ValidationError("give --json or --markdown, not both") }
    guard Set(scoring).count == scoring.count else {
      throw ValidationError("--scoring names one way twice")
    }
    guard !scoring.contains(.all) || scoring.count == 1 else {
      throw ValidationError("--scoring all stands for every way; give it alone")
    }
    if rule == .babylm2024, scoring.contains(.one(.mntp)) {
      throw ValidationError("--scoring mntp needs --rule 2025: the evaluation of 2024 has none")
    }
    if let scores {
      try OutputPath.require(scores, "--scores", apartFrom: paths)
      try OutputPath.require(scores, "--scores", leavesModelIn: source.run)
    }
  }

  func run() throws {
    var pairs = try MinimalPairs(paths)
    if let scores {
      try OutputPath.require(scores, "--scores", apartFrom: pairs.files)
      try OutputPath.requirePlace(for: scores)
    }
    if let limit { pairs.limit(limit) }
    let (trained, device) = try source.open()
    let scorings = readings(of: trained)
    if scorings.contains(where: \.needsMaskToken) { try trained.tokenizer.requireMask() }
    var durations: [Duration] = []
    let all = try scorings.map { scoring in
      let progress = Progress()
      let begin = ContinuousClock.now
      defer {
        progress.end()
        durations.append(begin.duration(to: .now))
      }
      return try pairs.scores(of: trained, scoring, positions: batchPositions) { done, total in
        progress.show("\(scoring.rawValue): \(100 * done / total) %", done: done, of: total)
      }
    }
    let columns = zip(scorings, all).map { pairs.accuracies($1, $0, rule: rule) }

    var rows = [["phenomenon", "pairs"] + scorings.map(\.rawValue)]
    for (index, first) in columns[0].enumerated() {
      let values = columns.map { $0[index].value }
      if json {
        emit(object(first.phenomenon, first.count, zip(scorings, values)))
      } else {
        rows.append([first.phenomenon, "\(first.count)"] + values.map(percent))
      }
    }
    let means = columns.map(\.mean)
    if json {
      emit(object("mean", pairs.pairs.count, zip(scorings, means)))
    } else {
      rows.append(["mean", "\(pairs.pairs.count)"] + means.map(percent))
      emit(markdown ? markdownTable(rows) : table(rows))
    }
    if let (run, step) = trained.source {
      let records = zip(zip(scorings, columns), durations).flatMap { scored, duration in
        pairs.records(scored.1, scored.0, rule: rule, step: step, duration: duration)
      }
      // The figures are printed: a run that others own is no reason to fail.
      do { try EvaluationLog(of: run.url).append(records) } catch {
        warn("not added to the run's evaluations: \(error)")
      }
    }
    if let scores { try write(pairs, scorings, all, to: scores) }
    source.compute.printProfile(of: device)
  }

  private func readings(of trained: TrainedModel) -> [Scoring] {
    if scoring.isEmpty { return [.causal, .mlm] }
    return scoring.flatMap { argument -> [Scoring] in
      switch argument {
      case .one(let one): [one]
      case .all:
        Scoring.allCases.filter {
          !($0.needsMaskToken && trained.specials.mask == SpecialTokens.absent)
            && !($0 == .mntp && rule == .babylm2024)
        }
      }
    }
  }

  private func percent(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }

  private func object(
    _ phenomenon: String, _ count: Int, _ values: some Sequence<(Scoring, Double)>
  ) -> JSONObject {
    var object = JSONObject()
    object.set("phenomenon", phenomenon)
    object.set("pairs", count)
    object.set("rule", rule.rawValue)
    for (scoring, value) in values { object.set(scoring.rawValue, value) }
    return object
  }

  private func markdownTable(_ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.printableOnOneLine.replacingExactly("|", with: "\\|") }.joined(separator: " | ")
        + " |"
    }
    let rule = line(["---"] + rows[0].dropFirst().map { _ in "---:" })
    return ([line(rows[0]), rule] + rows.dropFirst().map(line)).joined(separator: "\n")
  }

  private func write(
    _ pairs: MinimalPairs, _ scorings: [Scoring], _ all: [[(good: Score, bad: Score)]], to path: String
  ) throws {
    let file = try OutputFile(OutputPath.resolved(path))
    for (index, pair) in pairs.pairs.enumerated() {
      var object = JSONObject()
      object.set("file", pair.file)
      object.set("line", pair.line)
      object.set("phenomenon", pair.phenomenon)
      for (scoring, scores) in zip(scorings, all) {
        object.set("\(scoring.rawValue)Good", rule.value(scores[index].good, scoring))
        object.set("\(scoring.rawValue)Bad", rule.value(scores[index].bad, scoring))
      }
      try file.write("\(object)\n")
    }
    try file.finish()
  }
}

extension MinimalPairs.Rule: ExpressibleByArgument {}

/// A way of scoring, or all of them.
enum ScoringArgument: ExpressibleByArgument, Hashable {
  case one(Scoring)
  case all

  init?(argument: String) {
    if argument == "all" {
      self = .all
    } else if let one = Scoring(rawValue: argument) {
      self = .one(one)
    } else {
      return nil
    }
  }

  static var allValueStrings: [String] { Scoring.allCases.map(\.rawValue) + ["all"] }
}
