import Foundation

/// BLEU (Papineni et al. 2002), in percent, as sacrebleu (Post 2018) computes it unless told otherwise:
///
///     BLEU = 100 * BP * exp( 1/4 sum over n = 1...4 of ln p_n )
///     p_n  = matches_n / total_n        an n-gram matches as often as the reference has it at most
///     BP   = 1 where the hypotheses are as long as the references, else exp(1 - reference length / their length)
///
/// over ``EvaluationWords``, letters' case kept. Where no n-gram of an order matches, p_n is 1 / (2^k total_n), k
/// counting such orders (`exp` smoothing, Chen and Cherry 2014); where none of any order does, BLEU is 0. Counts are
/// summed over a corpus before they are divided: add the sentences' values.
public struct BLEU: Sendable, Equatable {
  /// The longest n-grams.
  public static let orders = 4

  /// N-grams of order n of the hypotheses that the references have, at n - 1.
  public private(set) var matches = [Int](repeating: 0, count: orders)
  /// All n-grams of order n of the hypotheses, at n - 1.
  public private(set) var totals = [Int](repeating: 0, count: orders)
  /// Words of the hypotheses.
  public private(set) var length = 0
  /// Words of the references; of several for one hypothesis, those of the one closest in length, of two the shorter.
  public private(set) var referenceLength = 0

  /// Of no sentences.
  public init() {}

  /// One sentence against its references, of which there is at least one: an n-gram matches as often as the
  /// reference that has it most often.
  public init(_ hypothesis: String, references: [String]) {
    precondition(!references.isEmpty, "BLEU: no reference")
    var table = NGramTable()
    let words = table.symbols(for: EvaluationWords.words(of: hypothesis))
    let counts = table.counts(words, orders: Self.orders)
    var most = NGramTable.Counts(repeating: [:], count: Self.orders)
    var lengths: [Int] = []
    for reference in references {
      let words = table.symbols(for: EvaluationWords.words(of: reference))
      lengths.append(words.count)
      for (order, counts) in table.counts(words, orders: Self.orders).enumerated() {
        most[order].merge(counts, uniquingKeysWith: max)
      }
    }
    self.init(
      counts, length: words.count, referenceLength: Self.closest(to: words.count, of: lengths)
    ) { order, number in most[order][number] ?? 0 }
  }

  /// Sentences against one reference each.
  public init(_ hypotheses: [String], references: [String]) {
    precondition(
      hypotheses.count == references.count,
      "BLEU: \(hypotheses.count) hypotheses, \(references.count) references")
    for (hypothesis, reference) in zip(hypotheses, references) {
      self += BLEU(hypothesis, references: [reference])
    }
  }

  /// - Parameter allowed: how many matches of an n-gram, given by order - 1 and number, count.
  init(
    _ counts: NGramTable.Counts, length: Int, referenceLength: Int, allowed: (Int, Int32) -> Int
  ) {
    self.length = length
    self.referenceLength = referenceLength
    for (order, counts) in counts.enumerated() {
      for (number, count) in counts {
        totals[order] += count
        matches[order] += min(count, allowed(order, number))
      }
    }
  }

  static func closest(to length: Int, of lengths: [Int]) -> Int {
    lengths.min { (abs($0 - length), $0) < (abs($1 - length), $1) } ?? 0
  }

  public static func += (sum: inout BLEU, other: BLEU) {
    for order in 0..<orders {
      sum.matches[order] += other.matches[order]
      sum.totals[order] += other.totals[order]
    }
    sum.length += other.length
    sum.referenceLength += other.referenceLength
  }

  /// 0 to 100.
  public var score: Double { score(orders: Self.orders) }

  /// The same over the orders that the hypothesis is long enough for: what is of use for a single sentence
  /// (sacrebleu's `sentence_bleu`).
  public var sentenceScore: Double { score(orders: totals.prefix { $0 > 0 }.count) }

  /// `exp(1 - referenceLength / length)`, at most 1.
  public var brevityPenalty: Double {
    if length >= referenceLength { return 1 }
    return length == 0 ? 0 : exp(1 - Double(referenceLength) / Double(length))
  }

  private func score(orders: Int) -> Double {
    guard orders > 0, matches.contains(where: { $0 > 0 }), totals[..<orders].allSatisfy({ $0 > 0 }) else {
      return 0
    }
    var smoothing = 1.0
    var sum = 0.0
    for (matches, total) in zip(matches, totals).prefix(orders) {
      if matches == 0 { smoothing /= 2 }
      sum += log((matches == 0 ? smoothing : Double(matches)) / Double(total))
    }
    return 100 * brevityPenalty * exp(sum / Double(orders))
  }
}
