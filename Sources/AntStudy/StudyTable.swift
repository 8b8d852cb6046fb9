import AntFiles
import AntInference
import AntText
import AntTraining
import Foundation

/// `results.csv`: a row a run, written and read.
///
///     model,schedule,notation,options,seed,steps,seconds,evaluationSeconds,"pairs, causal",…
///
/// Options are those that differ from a run's defaults. A row that is read stands for its run, so that a study goes on where
/// its folder is lost.
extension StudyResults {
  private static let columns = [
    "model", "schedule", "notation", "options", "seed", "steps", "seconds", "evaluationSeconds",
  ]

  var csv: String {
    func quoted(_ cell: String) -> String {
      cell.unicodeScalars.contains { [",", "\"", "\n", "\r"].contains($0) }
        ? "\"" + cell.replacingExactly("\"", with: "\"\"") + "\"" : cell
    }
    let details = results.first?.details.map { ($0.phenomenon, $0.scoring) } ?? []
    var rows = [Self.columns + measures.map(\.title) + details.map { "\($0), \($1.rawValue)" }]
    for result in results {
      let job = result.job
      rows.append(
        [
          job.model, job.schedule.name, job.schedule.notation, job.schedule.options, "\(job.seed)",
          "\(result.steps)", String(format: "%.1f", result.seconds),
          String(format: "%.1f", result.evaluationSeconds),
        ] + measures.map { result.figures[$0].map { String(format: "%.4f", $0) } ?? "" }
          + details.map { phenomenon, scoring in
            result.details.first { $0.phenomenon.isExactly(phenomenon) && $0.scoring == scoring }
              .map { String(format: "%.2f", $0.value) } ?? ""
          })
    }
    return rows.map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
  }

  /// The rows of a table that this or an earlier run of the study wrote.
  ///
  /// - Throws: ``StudyError/row(path:line:reason:)`` for a row that is none of the study's, or ``FileError``.
  static func read(_ path: String, of study: Study) throws -> [StudyResult] {
    let data = try FileSystem.read(SystemPath(reading: path))
    let text = String(decoding: data.dropFirst(TextLayout.start(of: data)), as: UTF8.self)
    let rows = cells(text)
    func refuse(_ line: Int, _ reason: String) -> StudyError { .row(path: path, line: line, reason: reason) }
    guard let header = rows.first, Array(header.cells.prefix(columns.count)) == columns else {
      throw refuse(1, "it does not begin with \(columns.joined(separator: ",")); give a study's results.csv")
    }
    var seen: Set<String> = []
    return try rows.dropFirst().map { row in
      guard row.cells.count == header.cells.count else {
        throw refuse(row.line, "it has \(row.cells.count) cells and the first row \(header.cells.count)")
      }
      let values = Dictionary(zip(columns, row.cells)) { first, _ in first }
      guard
        let job = study.jobs.first(where: {
          $0.model == values["model"] && $0.schedule.name == values["schedule"]
            && "\($0.seed)" == values["seed"]
        })
      else { throw refuse(row.line, "the study has no such run; remove the row, or add what it is of") }
      guard seen.insert(job.name).inserted else {
        throw refuse(row.line, "there is a row of \(job.name) before it; remove one of them")
      }
      guard job.schedule.notation == values["notation"], job.schedule.options == values["options"] else {
        throw refuse(
          row.line,
          "it was trained by \(values["notation"] ?? "") with \(values["options"] ?? ""), and the study says "
            + "\(job.schedule.notation) with \(job.schedule.options)")
      }
      func number(_ column: String) throws -> Double {
        guard let value = values[column].flatMap({ Double($0) }), value.isFinite, (0...1e15).contains(value)
        else {
          throw refuse(row.line, "'\(values[column] ?? "")' is no number for \(column)")
        }
        return value
      }
      var result = StudyResult(
        job: job, steps: Int(try number("steps")), seconds: try number("seconds"),
        evaluationSeconds: try number("evaluationSeconds"))
      for (title, cell) in zip(header.cells, row.cells).dropFirst(columns.count) where !cell.isEmpty {
        guard let value = Double(cell), value.isFinite else {
          throw refuse(row.line, "'\(cell)' is no number for \(title)")
        }
        let measure = StudyMeasure(title: title)
        guard (measure?.range ?? 0...100).contains(value) else {
          throw refuse(row.line, "\(cell) cannot be for \(title); remove the row, and it is trained again")
        }
        if let measure {
          result.figures[measure] = value
        } else if let scoring = Scoring.allCases.first(where: { title.hasSuffix(", \($0.rawValue)") }) {
          result.details.append((String(title.dropLast(scoring.rawValue.count + 2)), scoring, value))
        }
      }
      let needed =
        study.pairs.scoring.map(StudyMeasure.pairs)
        + (study.pairs.scoresBest ? study.pairs.scoring.map(StudyMeasure.bestPairs) : [])
      if let missing = needed.first(where: { result.figures[$0] == nil }) {
        throw refuse(row.line, "it has no figure for \(missing.title), which the study asks for")
      }
      return result
    }
  }

  /// The cells of a table, row by row, with the line each row begins in.
  private static func cells(_ text: String) -> [(line: Int, cells: [String])] {
    var rows: [(line: Int, cells: [String])] = []
    var cells: [String] = []
    var cell = ""
    var isQuoted = false
    var (line, start) = (1, 1)
    func endRow() {
      cells.append(cell)
      if cells != [""] { rows.append((start, cells)) }
      (cells, cell) = ([], "")
    }
    var scalars = Array(text.unicodeScalars)[...]
    while let scalar = scalars.popFirst() {
      if scalar == "\n" { line += 1 }
      switch scalar {
      case "\"" where isQuoted && scalars.first == "\"": cell.unicodeScalars.append(scalars.removeFirst())
      case "\"": isQuoted.toggle()
      case "," where !isQuoted:
        cells.append(cell)
        cell = ""
      case "\r" where !isQuoted && scalars.first == "\n": break
      case "\n" where !isQuoted:
        endRow()
        start = line
      default: cell.unicodeScalars.append(scalar)
      }
    }
    endRow()
    return rows
  }
}

extension Study.NamedSchedule {
  /// The options that are not what a run has unless told otherwise.
  var options: String {
    let usual = TrainingConfiguration.usual
    return TrainingOptions.list.filter { $0.role == .setting && !$0.agrees(training, usual) }
      .map { "\($0.name)=\($0.text(in: training))" }.joined(separator: " ")
  }
}
