/// The merges of a tokenizer: which pairs of tokens become which token, and which pair goes first.
struct MergeTable: Sendable {
  struct Merge: Equatable, Sendable {
    var left: Int32
    var right: Int32
    var merged: Int32
  }

  static let none = Int32.max

  /// In order of rank.
  let merges: [Merge]
  /// Open addressing: pairs, and the rank of each.
  private let keys: [UInt64]
  private let ranks: [Int32]
  private let shift: UInt64

  init(_ merges: [Merge]) {
    self.merges = merges
    var bits: UInt64 = 4
    while 1 << bits < merges.count * 3 { bits += 1 }
    shift = 64 - bits
    var keys = [UInt64](repeating: .max, count: 1 << bits)
    var ranks = [Int32](repeating: Self.none, count: 1 << bits)
    for (rank, merge) in merges.enumerated() {
      let key = Self.key(merge.left, merge.right)
      var slot = Int((key &* 0x9E37_79B9_7F4A_7C15) >> shift)
      while keys[slot] != .max && keys[slot] != key { slot = (slot + 1) & (keys.count - 1) }
      // Where a list names a pair twice the later place counts, as in Hugging Face's tokenizers.
      keys[slot] = key
      ranks[slot] = Int32(rank)
    }
    self.keys = keys
    self.ranks = ranks
  }

  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The place of a pair in the list; ``none`` if it is not there.
  @inline(__always)
  func rank(_ left: Int32, _ right: Int32) -> Int32 {
    let key = Self.key(left, right)
    var slot = Int((key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    while keys[slot] != key {
      if keys[slot] == .max { return Self.none }
      slot = (slot + 1) & (keys.count - 1)
    }
    return ranks[slot]
  }

  /// Merges `symbols` until no pair is left to merge: always the pair of lowest rank, the leftmost first.
  func apply(to symbols: inout [Int32]) {
    if symbols.count <= 48 { applyToShort(&symbols) } else { applyToLong(&symbols) }
  }

  /// Quadratic, and fastest for words as they are.
  private func applyToShort(_ symbols: inout [Int32]) {
    while symbols.count > 1 {
      var best = Self.none
      var place = 0
      for index in 0..<symbols.count - 1 {
        let rank = rank(symbols[index], symbols[index + 1])
        if rank < best { (best, place) = (rank, index) }
      }
      if best == Self.none { return }
      symbols[place] = merges[Int(best)].merged
      symbols.remove(at: place + 1)
    }
  }

  /// Pairs wait in a heap, symbols form a linked list: n log n, for pieces of any length.
  private func applyToLong(_ symbols: inout [Int32]) {
    let count = symbols.count
    var next = (0..<count).map { Int32($0 + 1) }
    var previous = (0..<count).map { Int32($0 - 1) }
    // Rank and position in one word: the smallest is the leftmost pair of the lowest rank.
    var heap = Heap<UInt64>()
    let push = { (heap: inout Heap<UInt64>, left: Int, symbols: [Int32], right: Int) in
      let rank = rank(symbols[left], symbols[right])
      if rank != Self.none { heap.push(UInt64(rank) << 32 | UInt64(left)) }
    }
    for index in 0..<count - 1 { push(&heap, index, symbols, index + 1) }
    while let entry = heap.pop() {
      let left = Int(entry & 0xFFFF_FFFF)
      let right = Int(next[left])
      // Stale where a symbol of the pair has been merged meanwhile.
      guard symbols[left] >= 0, right < count,
        rank(symbols[left], symbols[right]) == Int32(entry >> 32)
      else { continue }
      symbols[left] = merges[Int(entry >> 32)].merged
      symbols[right] = -1
      let after = Int(next[right])
      next[left] = Int32(after)
      if after < count {
        previous[after] = Int32(left)
        push(&heap, left, symbols, after)
      }
      let before = Int(previous[left])
      if before >= 0 { push(&heap, before, symbols, left) }
    }
    symbols.removeAll { $0 < 0 }
  }
}

/// A binary heap: the smallest first.
struct Heap<Element: Comparable> {
  private var elements: [Element] = []

  var count: Int { elements.count }

  mutating func push(_ element: Element) {
    var place = elements.count
    elements.append(element)
    while place > 0 {
      let parent = (place - 1) / 2
      guard element < elements[parent] else { break }
      elements[place] = elements[parent]
      place = parent
    }
    elements[place] = element
  }

  mutating func pop() -> Element? {
    guard let first = elements.first, let last = elements.popLast() else { return nil }
    if elements.isEmpty { return first }
    var place = 0
    while true {
      var child = 2 * place + 1
      guard child < elements.count else { break }
      if child + 1 < elements.count && elements[child + 1] < elements[child] { child += 1 }
      guard elements[child] < last else { break }
      elements[place] = elements[child]
      place = child
    }
    elements[place] = last
    return first
  }
}
