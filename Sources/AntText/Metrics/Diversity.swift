/// How varied generated texts are, over ``EvaluationWords``, so that vocabularies do not matter.
///
/// Texts come in groups, the continuations of one prompt each.
///
///     distinct-n   different n-grams / all n-grams, of all texts together (Li et al. 2016)
///     rep-4        1 - different 4-grams / all 4-grams of a text, mean over the texts that have one: the share of
///                  4-grams that the text has said before (seq-rep-4 of Welleck et al. 2020)
///     self-BLEU    BLEU of each text against the others of its group (Zhu et al. 2018), mean over the texts: high
///                  where a prompt always leads to the same; as ``BLEU/sentenceScore``, in percent
public struct Diversity: Sendable, Equatable {
  /// The longest n-grams.
  public static let orders = 4

  /// Texts in all.
  public let texts: Int
  /// Words a text, the mean.
  public let length: Double
  /// distinct-n at n - 1; nil where no text has n words.
  public let distinct: [Double?]
  /// rep-4; nil where no text has four words.
  public let repetition: Double?
  /// Nil where no group has two texts.
  public let selfBLEU: Double?

  public init(_ groups: [[String]]) {
    var table = NGramTable()
    var counts = [Int](repeating: 0, count: Self.orders)
    var different = [Set<Int32>](repeating: [], count: Self.orders)
    var lengths: [Int] = []
    var repetitions: [Double] = []
    var scores: [Double] = []
    for group in groups {
      let texts = group.map { table.symbols(for: EvaluationWords.words(of: $0)) }
      let nGrams = texts.map { table.counts($0, orders: Self.orders) }
      lengths += texts.map(\.count)
      for text in nGrams {
        let totals = text.map { $0.values.reduce(0, +) }
        for order in 0..<Self.orders {
          counts[order] += totals[order]
          different[order].formUnion(text[order].keys)
        }
        if let longest = totals.last, longest > 0 {
          repetitions.append(1 - Double(text[Self.orders - 1].count) / Double(longest))
        }
      }
      if group.count > 1 { scores += Self.selfBLEU(nGrams, lengths: texts.map(\.count)) }
    }
    texts = lengths.count
    length = Self.mean(lengths.map { Double($0) }) ?? 0
    distinct = zip(different, counts).map { $1 == 0 ? nil : Double($0.count) / Double($1) }
    repetition = Self.mean(repetitions)
    selfBLEU = Self.mean(scores)
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// BLEU of each text against all others, in time linear in the texts: what the others have most often of an n-gram
  /// is the largest count of all texts or, for the text that has it, the second largest.
  private static func selfBLEU(_ texts: [NGramTable.Counts], lengths: [Int]) -> [Double] {
    struct Most {
      var count = 0
      var text = 0
      /// Among the other texts.
      var second = 0
    }
    var most = [[Int32: Most]](repeating: [:], count: BLEU.orders)
    for (text, counts) in texts.enumerated() {
      for (order, counts) in counts.enumerated() {
        for (number, count) in counts {
          var known = most[order][number] ?? Most()
          if count > known.count {
            known = Most(count: count, text: text, second: known.count)
          } else {
            known.second = max(known.second, count)
          }
          most[order][number] = known
        }
      }
    }
    return texts.indices.map { text in
      var others = lengths
      others.remove(at: text)
      let length = lengths[text]
      let bleu = BLEU(
        texts[text], length: length, referenceLength: BLEU.closest(to: length, of: others)
      ) { order, number in
        guard let most = most[order][number] else { return 0 }
        return most.text == text ? most.second : most.count
      }
      return bleu.sentenceScore
    }
  }
}
