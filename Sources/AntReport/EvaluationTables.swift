import AntEvaluation
import AntFiles
import AntTraining
import Foundation

/// What the runs were found to be worth: a table for each kind of evaluation, set of items and rule, a row for each
/// phenomenon, a column for each run and way of scoring.
struct EvaluationTables {
  private struct Table: Hashable {
    var kind: String
    var set: ExactText?
    var checksum: String?
    var rule: String?

    init(_ record: EvaluationLog.Record) {
      kind = record.kind
      set = record.set.map(ExactText.init)
      checksum = record.checksum
      rule = record.rule
    }
  }

  private struct Column: Hashable {
    var run: Int
    var scoring: String
  }

  private static let mean = ExactText(EvaluationLog.Record.mean)

  let runs: [RunRecord]
  let names: [String]

  var markup: [Markup] {
    var tables: [Table] = []
    for record in runs.flatMap(\.evaluations) {
      let table = Table(record)
      if !tables.contains(table) { tables.append(table) }
    }
    guard !tables.isEmpty else { return [] }
    return [.element("h2", text: "Evaluation")] + tables.flatMap(section)
  }

  private func section(_ table: Table) -> [Markup] {
    var phenomena: [ExactText] = []
    var columns: [Column] = []
    // The newest checkpoint's figure counts; where two lines tell of the same, the later one holds.
    var found: [Column: [ExactText: EvaluationLog.Record]] = [:]
    for (run, record) in runs.indices.flatMap({ run in runs[run].evaluations.map { (run, $0) } })
    where Table(record) == table {
      let column = Column(run: run, scoring: record.scoring)
      if found[column] == nil { columns.append(column) }
      let phenomenon = ExactText(record.phenomenon)
      if !phenomena.contains(phenomenon) { phenomena.append(phenomenon) }
      if let other = found[column]?[phenomenon], other.step > record.step { continue }
      found[column, default: [:]][phenomenon] = record
    }
    // The mean comes last.
    phenomena = phenomena.filter { $0 != Self.mean } + phenomena.filter { $0 == Self.mean }
    let newest = Dictionary(grouping: columns, by: \.run).mapValues { columns in
      columns.compactMap { found[$0]?.values.map(\.step).max() }.max() ?? 0
    }

    var groups = [Markup.element("th", text: "")]
    for (run, name) in names.enumerated() {
      let count = columns.filter { $0.run == run }.count
      guard count > 0 else { continue }
      let text = "\(name), step \(newest[run] ?? 0)"
      groups.append(.element("th", ["class": "group", "colspan": "\(count)"], text: text))
    }
    let heads: [Markup] =
      [.element("th", text: "phenomenon")]
      + columns.map { .element("th", ["class": "number"], text: $0.scoring) }
    let rows = phenomena.map { phenomenon in
      Markup.element(
        "tr", ["class": phenomenon == Self.mean ? "mean" : ""],
        [.element("th", text: phenomenon.text)]
          + columns.map { cell(found[$0]?[phenomenon], newest: newest[$0.run] ?? 0) })
    }
    // Sets of one name are told apart.
    let isAmbiguous = runs.flatMap(\.evaluations).contains {
      $0.set.map(ExactText.init) == table.set && $0.checksum != table.checksum
    }
    let checksum = table.checksum.map { isAmbiguous ? " [\($0.prefix(8))]" : "" } ?? ""
    let set = table.set.map { " of \($0)\(checksum)" } ?? ""
    let title = (table.kind == "pairs" ? "Minimal pairs" : table.kind) + set
    let rule = table.rule.map { ", by the rule of \($0)" } ?? ""
    let chance = table.kind == "pairs" ? " Chance is 50." : ""
    return [
      .element("h3", text: title + rule),
      .element("p", ["class": "note"], text: "Accuracy in percent.\(chance)"),
      .element(
        "div", ["class": "table"],
        .element(
          "table", .element("thead", .element("tr", groups), .element("tr", heads)), .element("tbody", rows))),
    ]
  }

  private func cell(_ record: EvaluationLog.Record?, newest: Int) -> Markup {
    guard let record else { return .element("td", ["class": "number"], text: "") }
    let value = String(format: "%.1f", 100 * record.accuracy)
    return .element(
      "td", ["class": "number", "title": "\(record.pairs) items, step \(record.step)"],
      text: value + (record.step == newest ? "" : " (step \(record.step))"))
  }
}
