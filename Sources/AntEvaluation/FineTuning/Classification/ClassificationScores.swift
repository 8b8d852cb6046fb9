/// How good predicted labels are, by the metrics of GLUE. Definitions and the value where one is undefined are
/// those of scikit-learn.
public struct ClassificationScores: Sendable, Equatable {
  public enum Metric: String, Sendable, CaseIterable {
    case accuracy, f1, matthews
  }

  /// Part of the predictions that are right.
  public let accuracy: Double
  /// Of label 1, with tp, fp and fn its true positives, false positives and false negatives:
  ///
  ///     2 tp / (2 tp + fp + fn)
  ///
  /// 0 where label 1 is neither predicted nor right; nil where there are more than two labels.
  public let f1: Double?
  /// The correlation of predicted and right labels (Matthews 1975; for more than two labels Gorodkin 2004): of s
  /// predictions c are right, label k is predicted p_k times and is right t_k times:
  ///
  ///     (c s - sum p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2))
  ///
  /// 0 where one of the two has a single label only.
  public let matthews: Double

  /// - Parameter labels: how many there are; predictions and right labels are 0 ..< labels.
  public init(predictions: [Int], right: [Int], labels: Int) {
    precondition(
      predictions.count == right.count && !right.isEmpty,
      "ClassificationScores: \(predictions.count) predictions for \(right.count)")
    var predicted = [Double](repeating: 0, count: labels)
    var occurring = predicted
    var hits = predicted
    for (prediction, label) in zip(predictions, right) {
      predicted[prediction] += 1
      occurring[label] += 1
      if prediction == label { hits[label] += 1 }
    }
    let count = Double(right.count)
    let correct = hits.reduce(0, +)
    accuracy = correct / count
    if labels == 2 {
      let sum = predicted[1] + occurring[1]  // 2 tp + fp + fn
      f1 = sum == 0 ? 0 : 2 * hits[1] / sum
    } else {
      f1 = nil
    }
    func products(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let spread =
      (count * count - products(predicted, predicted)) * (count * count - products(occurring, occurring))
    matthews = spread == 0 ? 0 : (correct * count - products(predicted, occurring)) / spread.squareRoot()
  }

  /// Nil where the metric is not defined for so many labels.
  public subscript(metric: Metric) -> Double? {
    switch metric {
    case .accuracy: accuracy
    case .f1: f1
    case .matthews: matthews
    }
  }
}
