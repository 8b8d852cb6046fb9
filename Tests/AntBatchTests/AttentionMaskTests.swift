import AntBatch
import AntDevice
import Testing

/// The mask against its definition in words, written out as a T x T matrix.
@Suite struct AttentionMaskTests {
  static func mayAttend(_ query: Int, _ key: Int, documents: [Range<Int>], prefix: Int) -> Bool {
    for document in documents where document.contains(query) && document.contains(key) {
      return key <= query || key < document.lowerBound + prefix
    }
    return false
  }

  @Test(arguments: [
    [0..<9], [0..<4, 4..<9], [0..<3, 3..<4, 4..<7], [2..<6], [],
  ])
  func everyPatternIsTheIntervalItsDefinitionGives(documents: [Range<Int>]) {
    let cases: [(AttentionMask.Pattern, Int)] = [
      (.causal, 0), (.bidirectional, 9), (.prefix(2), 2), (.prefix(99), 99),
    ]
    for (pattern, prefix) in cases {
      let mask = AttentionMask(pattern, documents: [documents, [0..<9]], length: 9)
      let ranges = mask.keyRanges()
      #expect(ranges.count == 2 * 2 * 9)
      for query in 0..<9 {
        for key in 0..<9 {
          let seen = key >= ranges[2 * query] && key < ranges[2 * query + 1]
          let expected = Self.mayAttend(query, key, documents: documents, prefix: prefix)
          #expect(seen == expected, "\(pattern) query \(query) key \(key)")
        }
      }
    }
  }

  @Test func aCacheAsksForTheNewestQueriesOnly() {
    let mask = AttentionMask(.prefix(3), lengths: [6], length: 8)
    #expect(mask.keyRanges(queries: 1..<2) == [0, 3])
    #expect(mask.keyRanges(queries: 5..<7) == [0, 6, 0, 0])
    #expect(mask.positions(queries: 4..<8) == [4, 5, 0, 0])
  }

  @Test func positionsRestartInEveryDocument() {
    let mask = AttentionMask(.causal, documents: [[0..<3, 3..<5]], length: 6)
    #expect(mask.positions() == [0, 1, 2, 0, 1, 0])
  }
}
