import Foundation
import Testing

@testable import AntText

/// Against sacrebleu; the fixture is made by tools/reference/translation_scores.py.
@Suite struct TranslationScoreTests {
  private struct Fixture: Decodable {
    struct Group: Decodable {
      var texts: [String]
      var scores: [Double]
    }
    /// From, up to, BLEU, chrF.
    typealias Corpus = [Double]
    struct Words: Decodable {
      var text: String
      var words: [String]

      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        text = try list.decode(String.self)
        words = try list.decode([String].self)
      }
    }

    /// Hypothesis, reference.
    var pairs: [[String]]
    /// BLEU, chrF.
    var sentences: [[Double]]
    var corpora: [Corpus]
    var words: [Words]
    var groups: [Group]
  }

  private let fixture: Fixture

  init() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let url = root.appending(path: "tools/reference/translation_scores.json")
    fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
  }

  @Test func corpusScoresAgree() {
    #expect(fixture.pairs.count == 1200 && fixture.corpora.count > 20)
    for corpus in fixture.corpora {
      let pairs = fixture.pairs[Int(corpus[0])..<Int(corpus[1])]
      let bleu = BLEU(pairs.map { $0[0] }, references: pairs.map { $0[1] })
      let chrF = ChrF(pairs.map { $0[0] }, references: pairs.map { $0[1] })
      #expect(abs(bleu.score - corpus[2]) < 1e-9, "\(corpus)")
      #expect(abs(chrF.score - corpus[3]) < 1e-9, "\(corpus)")
    }
    let first = fixture.corpora[0]
    #expect(first[1] - first[0] == 1200 && first[2] > 20 && first[2] < 80 && first[3] > 20 && first[3] < 80)
  }

  @Test func sentenceScoresAgree() {
    #expect(fixture.sentences.count == fixture.pairs.count)
    for (pair, scores) in zip(fixture.pairs, fixture.sentences) {
      let bleu = BLEU(pair[0], references: [pair[1]])
      #expect(abs(bleu.sentenceScore - scores[0]) < 1e-9, "\(pair)")
      #expect(abs(ChrF(pair[0], reference: pair[1]).score - scores[1]) < 1e-9, "\(pair)")
    }
  }

  /// What is told apart by scalars alone, such as a composed letter, is compared by scalars here, too.
  @Test func wordsAgree() {
    #expect(!fixture.words.isEmpty)
    for (text, words) in fixture.words.map({ ($0.text, $0.words) }) {
      #expect(
        EvaluationWords.split(text).map { Array($0.unicodeScalars) }
          == words.map { Array($0.unicodeScalars) },
        "\(text.debugDescription)")
    }
  }

  @Test func severalReferencesAgree() {
    #expect(!fixture.groups.isEmpty)
    for group in fixture.groups {
      for (index, score) in group.scores.enumerated() {
        var others = group.texts
        others.remove(at: index)
        #expect(abs(BLEU(group.texts[index], references: others).sentenceScore - score) < 1e-9)
      }
    }
  }

  /// By hand: "the cat sat" against "the cat sat down": p = 3/3, 2/2, 1/1 and no 4-gram.
  @Test func smallCases() {
    let short = BLEU("the cat sat", references: ["the cat sat down"])
    #expect(short.matches == [3, 2, 1, 0] && short.totals == [3, 2, 1, 0])
    #expect(short.score == 0)
    #expect(abs(short.sentenceScore - 100 * exp(1 - 4.0 / 3)) < 1e-9)
    // p = 4/5, 2/4, 1/6 (smoothed), 1/8 (smoothed): a b x d e
    let smoothed = BLEU("a b x d e", references: ["a b c d e"])
    #expect(abs(smoothed.score - 100 * pow(0.8 * 0.5 / 6 / 8, 0.25)) < 1e-9)
    #expect(BLEU([], references: []).score == 0 && ChrF([], references: []).score == 0)
    // Characters a b against a c: P = (1/2 + 0) / 2 = R.
    #expect(abs(ChrF("ab", reference: "a c").score - 25) < 1e-9)
  }
}
