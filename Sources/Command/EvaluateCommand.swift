import AntLM
import ArgumentParser
import Files
import Foundation

/// `antlm eval`
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Evaluates a trained model.", subcommands: [PairsCommand.self])
}

/// `antlm eval pairs`
struct PairsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pairs",
    abstract: "How often a model finds the right sentence of a pair the more probable one.",
    discussion: """
      FILE has one JSON object a line: {"phenomenon": …, "sentence_good": …, "sentence_bad": …}, as 'antlm
      corpus --pairs' writes it; BLiMP's files are read too. Chance is 0.5.

      Example: antlm eval pairs run pairs.jsonl --limit 100
      """)

  @OptionGroup var source: ModelArguments

  @Argument(help: "Pairs, one JSON object a line.")
  var file: String
  @Option(help: "causal or masked. (default: both)")
  var mode: Scorer.Mode?
  @Option(help: "Pairs of each phenomenon at most.")
  var limit: Int?
  @Flag(help: "One JSON object a phenomenon.")
  var json = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more") }
  }

  func run() throws {
    var pairs = try MinimalPairs(file)
    if let limit { pairs.limit(limit) }
    let (trained, device) = try source.open()
    let modes = mode.map { [$0] } ?? Scorer.Mode.allCases
    let columns = try modes.map { mode in
      let progress = Progress()
      defer { progress.end() }
      return try pairs.accuracy(of: trained, mode) { done, total in
        progress.show("\(mode.rawValue): scored \(done) of \(total)", done: done, of: total)
      }
    }
    var rows = [["phenomenon", "pairs"] + modes.map(\.rawValue)]
    for (index, first) in columns[0].enumerated() {
      let values = columns.map { $0[index].value }
      if json {
        emit(object(first.phenomenon, first.count, zip(modes, values)))
      } else {
        rows.append([first.phenomenon, "\(first.count)"] + values.map(percent))
      }
    }
    let means = columns.map { column in column.reduce(0) { $0 + $1.value } / Double(column.count) }
    if json {
      emit(object("mean", pairs.pairs.count, zip(modes, means)))
    } else {
      rows.append(["mean", "\(pairs.pairs.count)"] + means.map(percent))
      emit(table(rows))
    }
    source.compute.printProfile(of: device)
  }

  private func percent(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }

  private func object(
    _ phenomenon: String, _ count: Int, _ values: some Sequence<(Scorer.Mode, Double)>
  ) -> JSONObject {
    var object = JSONObject()
    object.set("phenomenon", phenomenon)
    object.set("pairs", count)
    for (mode, value) in values { object.set(mode.rawValue, value) }
    return object
  }
}
