/// chrF (Popović 2015), in percent, as sacrebleu (Post 2018) computes it unless told otherwise: chrF2 over the
/// character n-grams of orders 1 to 6.
///
///     chrF = 100 (1 + b^2) P R / (b^2 P + R)      b = 2: recall counts twice as much
///     P    = mean over n of matches_n / n-grams of the hypotheses
///     R    = mean over n of matches_n / n-grams of the references
///
/// A character is a Unicode scalar, its case kept; white space is left out before n-grams are counted. The mean is
/// over the orders of which both sides have n-grams. Counts are summed over a corpus before they are divided: add
/// the sentences' values.
public struct ChrF: Sendable, Equatable {
  /// The longest n-grams.
  public static let orders = 6
  private static let beta = 2.0

  /// N-grams of order n that both have, as often as the one that has fewer, at n - 1.
  public private(set) var matches = [Int](repeating: 0, count: orders)
  /// All of the hypotheses; a sentence whose reference is too short for an order has none of it.
  public private(set) var hypothesisTotals = [Int](repeating: 0, count: orders)
  /// All of the references.
  public private(set) var referenceTotals = [Int](repeating: 0, count: orders)

  /// Of no sentences.
  public init() {}

  /// One sentence.
  public init(_ hypothesis: String, reference: String) {
    var table = NGramTable()
    let hypothesis = table.counts(Self.characters(of: hypothesis), orders: Self.orders)
    let reference = table.counts(Self.characters(of: reference), orders: Self.orders)
    for (order, (hypothesis, reference)) in zip(hypothesis, reference).enumerated() {
      referenceTotals[order] = reference.values.reduce(0, +)
      if reference.isEmpty { continue }
      hypothesisTotals[order] = hypothesis.values.reduce(0, +)
      matches[order] = hypothesis.reduce(0) { $0 + min($1.value, reference[$1.key] ?? 0) }
    }
  }

  /// Sentences against one reference each.
  public init(_ hypotheses: [String], references: [String]) {
    precondition(
      hypotheses.count == references.count,
      "ChrF: \(hypotheses.count) hypotheses, \(references.count) references")
    for (hypothesis, reference) in zip(hypotheses, references) {
      self += ChrF(hypothesis, reference: reference)
    }
  }

  private static func characters(of text: String) -> [Int32] {
    text.unicodeScalars.lazy.filter { !$0.separatesWords }.map { Int32($0.value) }
  }

  public static func += (sum: inout ChrF, other: ChrF) {
    for order in 0..<orders {
      sum.matches[order] += other.matches[order]
      sum.hypothesisTotals[order] += other.hypothesisTotals[order]
      sum.referenceTotals[order] += other.referenceTotals[order]
    }
  }

  /// 0 to 100.
  public var score: Double {
    let shared = (0..<Self.orders).filter { hypothesisTotals[$0] > 0 && referenceTotals[$0] > 0 }
    func mean(_ totals: [Int]) -> Double {
      shared.reduce(0) { $0 + Double(matches[$1]) / Double(totals[$1]) } / Double(shared.count)
    }
    let (precision, recall) = (mean(hypothesisTotals), mean(referenceTotals))
    guard !shared.isEmpty, precision + recall > 0 else { return 0 }
    let weight = Self.beta * Self.beta
    return 100 * (1 + weight) * precision * recall / (weight * precision + recall)
  }
}
