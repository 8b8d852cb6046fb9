import AntRandom

/// Simple English from a grammar of our own: sentences and little stories of a few hundred words, with
/// agreement, anaphors, questions, negation, quantifiers and pronouns, and who does what to whom kept sensible.
///
/// The same seed writes the same lines. Corpus and minimal pairs draw from streams of their own.
///
/// ```swift
/// var english = SimpleEnglish(seed: 1)
/// english.line()  // "Anna has a small dog. It sleeps in the kitchen."
/// ```
public struct SimpleEnglish: Sendable {
  private var grammar: Grammar
  private let seed: UInt64

  public init(seed: UInt64) {
    self.seed = seed
    grammar = Grammar(Draws(RandomStream(seed: seed, purpose: .generation)))
  }

  /// The next line, without a line break: one sentence, or in a quarter of the lines a story of two to four.
  public mutating func line() -> String { nextLine(atMost: .max).text }

  /// Writes lines that hold `count` sentences in all.
  ///
  /// - Parameter write: is handed each line, without its line break.
  public mutating func write(sentences count: Int, to write: (String) throws -> Void) rethrows {
    var rest = count
    while rest > 0 {
      let line = nextLine(atMost: rest)
      rest -= line.sentences
      try write(line.text)
    }
  }

  private mutating func nextLine(atMost limit: Int) -> (text: String, sentences: Int) {
    if grammar.draws.chance(25) {
      let story = grammar.story()
      if story.count <= limit { return (story.joined(separator: " "), story.count) }
    }
    return (grammar.sentence(), 1)
  }

  /// `count` different minimal pairs of every phenomenon, phenomenon by phenomenon.
  public func pairs(each count: Int = 100) -> [MinimalPair] {
    Phenomenon.allCases.enumerated().flatMap { index, phenomenon in
      // Layer 0 writes the corpus.
      var grammar = Grammar(
        Draws(RandomStream(seed: seed, purpose: .generation, layer: 1, step: index)))
      var seen: Set<String> = []
      var pairs: [MinimalPair] = []
      // A phenomenon that runs dry gives fewer pairs rather than the same ones again.
      for _ in 0..<50 * count where pairs.count < count {
        let (good, bad) = grammar.pair(phenomenon)
        guard good != bad, seen.insert(good).inserted else { continue }
        pairs.append(
          MinimalPair(good: good, bad: bad, phenomenon: phenomenon.rawValue, field: phenomenon.field))
      }
      return pairs
    }
  }
}
