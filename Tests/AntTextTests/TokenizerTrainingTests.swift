import AntTestSupport
import Foundation
import Testing

@testable import AntText

@Suite struct TokenizerTrainingTests {
  /// Counts all pairs anew for every merge.
  private func naiveMerges(_ words: [[UInt8]], tokens: Int, minimumFrequency: Int) -> [[[UInt8]]] {
    var vocabulary = ByteAlphabet.sortedBytes.map { [$0] }
    var words = words.map { $0.map { [$0] } }
    var merges: [[[UInt8]]] = []
    while vocabulary.count < tokens {
      var counts: [[Int]: Int] = [:]
      for word in words where word.count > 1 {
        for place in 0..<word.count - 1 {
          let pair = [vocabulary.firstIndex(of: word[place])!, vocabulary.firstIndex(of: word[place + 1])!]
          counts[pair, default: 0] += 1
        }
      }
      let best = counts.min { a, b in
        a.value != b.value ? a.value > b.value : a.key.lexicographicallyPrecedes(b.key)
      }
      guard let best, best.value >= minimumFrequency else { break }
      let left = vocabulary[best.key[0]]
      let right = vocabulary[best.key[1]]
      merges.append([left, right])
      if !vocabulary.contains(left + right) { vocabulary.append(left + right) }
      words = words.map { word in
        var merged: [[UInt8]] = []
        var place = 0
        while place < word.count {
          if place + 1 < word.count && word[place] == left && word[place + 1] == right {
            merged.append(left + right)
            place += 2
          } else {
            merged.append(word[place])
            place += 1
          }
        }
        return merged
      }
    }
    return merges
  }

  private func merges(_ tokenizer: Tokenizer) -> [[[UInt8]]] {
    bytePairs(tokenizer).merges.merges.map {
      [Array(tokenizer.bytes(of: $0.left)), Array(tokenizer.bytes(of: $0.right))]
    }
  }

  @Test func learnsWhatCountingAnewLearns() {
    var draws = TestDraws(4)
    for round in 0..<12 {
      // Few letters make ties and runs of one letter.
      let letters = ["a", "b", "aa", "c", " ", " a"].prefix(2 + round % 5)
      let lines = (0..<6).map { _ in
        (0..<20).map { _ in draws.element(of: Array(letters)) }.joined()
      }
      let minimum = 1 + round % 3
      let tokenizer = Tokenizer.train(
        on: WordCounts(lines: lines), TokenizerOptions(vocabularySize: 290, minimumFrequency: minimum))
      let words = lines.flatMap { pieces(of: Array($0.utf8)) }
      #expect(merges(tokenizer) == naiveMerges(words, tokens: 286, minimumFrequency: minimum))
    }
  }

  @Test func doesNotDependOnThreadsOrFileOrder() throws {
    let scratch = Scratch()
    var draws = TestDraws(5)
    let first = (0..<200).map { _ in draws.text(15) }.joined(separator: "\n")
    let second = (0..<200).map { _ in draws.text(15) }.joined(separator: "\n")
    let paths = [try scratch.write(first, to: "a"), try scratch.write(second, to: "b")]
    let one = WordCounts(try TextFiles(paths), Segmentation(), threads: 1)
    let two = WordCounts(try TextFiles(paths.reversed()), Segmentation(), threads: 2)
    let a = Tokenizer.train(on: one, TokenizerOptions(vocabularySize: 400))
    let b = Tokenizer.train(on: two, TokenizerOptions(vocabularySize: 400))
    #expect(a.json == b.json)
    #expect(a.vocabularySize > 300)
  }

  @Test func countsLongLinesInParts() throws {
    let scratch = Scratch()
    var draws = TestDraws(6)
    let text = (0..<40_000).map { _ in draws.element(of: ["dog", " cat", " runs", "  ", "."]) }.joined()
    let files = try TextFiles([try scratch.write(text, to: "a")])
    let chunks = TextChunk.chunks(of: files, length: 100)
    #expect(chunks.count > 500)
    var parts = WordCounts(Segmentation())
    for chunk in chunks { parts.add(chunk) }
    let whole = WordCounts(lines: [text])
    func dictionary(_ words: WordCounts) -> [[UInt8]: Int] {
      Dictionary(
        uniqueKeysWithValues: (0..<words.table.count).map { (Array(words.table.bytes($0)), words.counts[$0]) }
      )
    }
    #expect(dictionary(parts) == dictionary(whole))
  }

  @Test func refusesWhatCannotBeLearnt() throws {
    let scratch = Scratch()
    let blank = URL(filePath: try scratch.write(" \n\t\n", to: "blank"))
    #expect(throws: TokenizerError.vocabularyTooSmall(requested: 100, minimum: 260)) {
      try Tokenizer.train(on: [blank], TokenizerOptions(vocabularySize: 100))
    }
    #expect(throws: CorpusError.empty(paths: [blank.path])) {
      try Tokenizer.train(on: [blank], TokenizerOptions(vocabularySize: 300))
    }
    #expect(throws: CorpusError.missing(path: "/no/such/file")) {
      try Tokenizer.train(on: [URL(filePath: "/no/such/file")], TokenizerOptions(vocabularySize: 300))
    }
  }
}
