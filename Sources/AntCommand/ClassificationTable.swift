import AntEvaluation
import AntFiles
import AntStudy
import Foundation

/// What `antlm finetune classify` prints: a row for one label for all, a row a seed, then mean and spread. With
/// `--json` an object each, a seed's as soon as it is there.
final class ClassificationTable {
  private typealias Metric = ClassificationScores.Metric

  private let classification: Classification
  private let json: Bool
  private let metrics: [Metric]
  private var results: [(seed: UInt64, scores: ClassificationScores)] = []
  private var rows: [[String]] = []

  init(_ classification: Classification, json: Bool) {
    self.classification = classification
    self.json = json
    let (label, scores) = classification.majority
    metrics = Metric.allCases.filter { scores[$0] != nil }
    rows = [["seed", "epoch"] + metrics.map(\.rawValue)]
    rows.append(["majority (\(label))", "-"] + metrics.map { decimal(scores[$0]) })
  }

  func add(_ result: Classification.Result) {
    results.append((result.seed, result.scores))
    rows.append(
      ["\(result.seed)", "\(result.bestEpoch)/\(result.epochs)"] + metrics.map { decimal(result.scores[$0]) })
    guard json else { return }
    var object = header
    object.set("seed", result.seed)
    object.set("epoch", result.bestEpoch)
    object.set("epochs", result.epochs)
    for metric in metrics { object.set(metric.rawValue, result.scores[metric]) }
    emit(object)
  }

  /// The means; where there are several seeds with the standard deviation of a sample.
  func end() {
    guard !results.isEmpty else { return }
    let columns = metrics.map { metric in results.compactMap { $0.scores[metric] } }
    if json {
      let (label, scores) = classification.majority
      var object = header
      object.set("seeds", results.map(\.seed))
      var parts: [String: JSONObject] = [:]
      for (metric, column) in zip(metrics, columns) {
        parts["mean", default: JSONObject()].set(metric.rawValue, mean(column))
        parts["deviation", default: JSONObject()].set(metric.rawValue, deviation(column))
        parts["majority", default: JSONObject()].set(metric.rawValue, scores[metric])
      }
      for name in ["mean", "deviation", "majority"] { object.set(name, parts[name] ?? JSONObject()) }
      object.set("majorityLabel", label)
      object.set("headline", classification.task.headline.rawValue)
      emit(object)
      return
    }
    if results.count > 1 {
      rows.append(["mean", ""] + columns.map { decimal(mean($0)) })
      rows.append(["deviation", ""] + columns.map { decimal(deviation($0)) })
    }
    emit(table(rows))
    let headline = classification.task.headline
    guard let column = metrics.firstIndex(of: headline) else { return }
    emit(
      "\(classification.task.rawValue): \(headline.rawValue) \(decimal(mean(columns[column])))"
        + (deviation(columns[column]).map { " ± \(decimal($0)) over \(results.count) seeds" } ?? ""))
  }

  private var header: JSONObject {
    var object = JSONObject()
    object.set("task", classification.task.rawValue)
    object.set("recipe", classification.recipe.year.rawValue)
    object.set("mode", classification.mode.rawValue)
    return object
  }

  private func mean(_ values: [Double]) -> Double? { Interval(values)?.mean }

  /// Nil for one value.
  private func deviation(_ values: [Double]) -> Double? { Interval(values)?.deviation }
}

/// Four digits; a dash for what is not defined.
func decimal(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "-" }
