/// Learns merges (Sennrich et al. 2016): again and again the most frequent pair of neighbouring tokens becomes
/// a token; of equally frequent pairs the one with the smaller left id, then the smaller right id.
///
/// Counts are kept up to date: a merge touches only the words that hold its pair. A heap finds the greatest
/// count; entries that have become too great are put back with their true count when they come up.
struct PairLearner {
  private struct Candidate: Comparable {
    var count: Int
    var pair: UInt64

    /// Before in the heap: the more frequent, then the smaller pair.
    static func < (a: Candidate, b: Candidate) -> Bool {
      a.count != b.count ? a.count > b.count : a.pair < b.pair
    }
  }

  private(set) var merges: [MergeTable.Merge] = []
  private(set) var tokens: [[UInt8]]
  private var ids: [[UInt8]: Int32]

  /// All words one after another; a word's symbols are the first `lengths[w]` from `starts[w]`.
  private var symbols: [Int32] = []
  private var starts: [Int] = []
  private var lengths: [Int] = []
  private let counts: [Int]

  private var pairs: [UInt64: Int] = [:]
  private var pairCounts: [Int] = []
  /// Words in which a pair has stood, some more than once, some no longer.
  private var pairWords: [[Int32]] = []
  private var heap = Heap<Candidate>()

  /// - Parameters:
  ///   - tokens: what is in the vocabulary already: specials and bytes.
  ///   - words: distinct words and how often each occurs, in an order of no importance.
  init(tokens: [[UInt8]], byteIDs: [Int32], words: WordCounts) {
    self.tokens = tokens
    ids = [:]
    for id in byteIDs { ids[tokens[Int(id)]] = id }
    counts = words.counts
    for index in 0..<words.table.count {
      starts.append(symbols.count)
      for byte in words.table.bytes(index) { symbols.append(byteIDs[Int(byte)]) }
      lengths.append(symbols.count - starts[index])
    }
    for word in starts.indices {
      for place in starts[word]..<starts[word] + max(lengths[word] - 1, 0) {
        change(symbols[place], symbols[place + 1], by: counts[word], in: word)
      }
    }
    for (pair, index) in pairs { heap.push(Candidate(count: pairCounts[index], pair: pair)) }
  }

  /// Learns until there are `vocabularySize` tokens or no pair is as frequent as `minimumFrequency`.
  mutating func learn(vocabularySize: Int, minimumFrequency: Int) {
    while tokens.count < vocabularySize, let best = heap.pop() {
      guard let index = pairs[best.pair] else { continue }
      let count = pairCounts[index]
      if count != best.count {
        if count > 0 && count < best.count { heap.push(Candidate(count: count, pair: best.pair)) }
        continue
      }
      if count < max(minimumFrequency, 1) { break }
      merge(best.pair, index)
    }
  }

  private mutating func merge(_ pair: UInt64, _ index: Int) {
    let left = Int32(pair >> 32)
    let right = Int32(truncatingIfNeeded: pair)
    let bytes = tokens[Int(left)] + tokens[Int(right)]
    // The same bytes may have been reached by other merges before.
    let merged = ids[bytes] ?? Int32(tokens.count)
    if Int(merged) == tokens.count {
      tokens.append(bytes)
      ids[bytes] = merged
    }
    merges.append(MergeTable.Merge(left: left, right: right, merged: merged))
    let words = pairWords[index]
    pairWords[index] = []
    var grown: Set<UInt64> = []
    for word in words { merge(left, right, into: merged, in: Int(word), &grown) }
    pairCounts[index] = 0
    for pair in grown where pair != MergeTable.key(left, right) {
      if let index = pairs[pair], pairCounts[index] > 0 {
        heap.push(Candidate(count: pairCounts[index], pair: pair))
      }
    }
  }

  /// Replaces left right by merged in one word; a word without the pair stays as it is.
  private mutating func merge(
    _ left: Int32, _ right: Int32, into merged: Int32, in word: Int, _ grown: inout Set<UInt64>
  ) {
    let start = starts[word]
    let end = start + lengths[word]
    let count = counts[word]
    var read = start
    var write = start
    while read < end {
      if read + 1 < end && symbols[read] == left && symbols[read + 1] == right {
        if write > start {
          let before = symbols[write - 1]
          change(before, left, by: -count, in: word)
          change(before, merged, by: count, in: word)
          grown.insert(MergeTable.key(before, merged))
        }
        if read + 2 < end {
          let after = symbols[read + 2]
          change(right, after, by: -count, in: word)
          change(merged, after, by: count, in: word)
          grown.insert(MergeTable.key(merged, after))
        }
        symbols[write] = merged
        read += 2
      } else {
        symbols[write] = symbols[read]
        read += 1
      }
      write += 1
    }
    lengths[word] = write - start
  }

  private mutating func change(_ left: Int32, _ right: Int32, by count: Int, in word: Int) {
    let pair = MergeTable.key(left, right)
    let index: Int
    if let known = pairs[pair] {
      index = known
    } else {
      index = pairCounts.count
      pairs[pair] = index
      pairCounts.append(0)
      pairWords.append([])
    }
    pairCounts[index] += count
    if count > 0 && pairWords[index].last != Int32(word) { pairWords[index].append(Int32(word)) }
  }
}
