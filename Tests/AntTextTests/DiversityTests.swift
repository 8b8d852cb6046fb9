import Foundation
import Testing

@testable import AntText

@Suite struct DiversityTests {
  /// By hand. Prompt one: "a b a b a b" has 6, 5, 4, 3 n-grams, 2, 2, 2, 2 of them different; "a b c" has 3, 2, 1, 0
  /// of which 3, 2, 1, 0. Prompt two: "d" alone.
  @Test func workedByHand() throws {
    let diversity = Diversity([["a b a b a b", "a b c"], ["d"]])
    #expect(diversity.texts == 3 && abs(diversity.length - 10.0 / 3) < 1e-12)
    // a b c d of 10; ab ba bc of 7; aba bab abc of 5; abab baba of 3.
    let distinct: [Double?] = [4.0 / 10, 3.0 / 7, 3.0 / 5, 2.0 / 3]
    #expect(diversity.distinct == distinct)
    #expect(abs(try #require(diversity.repetition) - 1.0 / 3) < 1e-12)
    // The longer against the shorter: 2/6, 1/5, smoothed 1/(2*4) and 1/(4*3), no penalty. The shorter against the
    // longer: 2/3, 1/2, smoothed 1/(2*1), no 4-gram; penalty exp(1 - 6/3).
    let long: Double = 100 * pow(2.0 / 6 / 5 / 8 / 12, 0.25)
    let short: Double = 100 * pow(2.0 / 3 / 2 / 2, 1.0 / 3) * exp(-1)
    let found = try #require(diversity.selfBLEU)
    #expect(abs(found - (long + short) / 2) < 1e-9)
  }

  @Test func whatIsNotThere() {
    let nothing = Diversity([[""], []])
    #expect(nothing.texts == 1 && nothing.length == 0 && nothing.distinct == [nil, nil, nil, nil])
    #expect(nothing.repetition == nil && nothing.selfBLEU == nil)
    let same: Double = Diversity([["so it is", "so it is"]]).selfBLEU ?? 0
    #expect(abs(same - 100) < 1e-9)
    #expect(Diversity([["one two", ""]]).selfBLEU == 0)
  }

  /// The linear way is the plain one: each text against all others.
  @Test func selfBLEUIsBLEUAgainstTheOthers() throws {
    let words = ["the", "dog", "a", "sees", "1,5", "so.", "it's"]
    var state: UInt64 = 7
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for size in [2, 3, 5, 9] {
      let texts = (0..<size).map { _ in
        (0..<draw(12)).map { _ in words[draw(words.count)] }.joined(separator: " ")
      }
      let scores = texts.indices.map { index in
        var others = texts
        others.remove(at: index)
        return BLEU(texts[index], references: others).sentenceScore
      }
      let mean = scores.reduce(0, +) / Double(size)
      #expect(abs(try #require(Diversity([texts]).selfBLEU) - mean) < 1e-9)
    }
  }
}
