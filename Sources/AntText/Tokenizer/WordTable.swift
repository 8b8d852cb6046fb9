/// Numbers byte strings in the order of their first appearance: a hash table with one arena for all strings.
struct WordTable {
  private(set) var count = 0
  /// Ends of the strings in `arena`, after a leading 0.
  private var ends: [Int] = [0]
  private var arena: [UInt8] = []
  /// The upper half of a string's hash and its number + 1; 0 where free.
  private var slots: [UInt64]

  init() { slots = [UInt64](repeating: 0, count: 1 << 12) }

  var byteCount: Int { arena.count }

  func bytes(_ index: Int) -> ArraySlice<UInt8> { arena[ends[index]..<ends[index + 1]] }

  /// The number of `word`, which is new if it equals the old `count`.
  mutating func index(of word: UnsafeBufferPointer<UInt8>) -> Int {
    let hash = Self.hash(word)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    let tag = hash & 0xFFFF_FFFF_0000_0000
    while slots[slot] != 0 {
      let entry = slots[slot]
      if entry & 0xFFFF_FFFF_0000_0000 == tag {
        let index = Int(entry & 0xFFFF_FFFF) - 1
        if equals(index, word) { return index }
      }
      slot = (slot + 1) & mask
    }
    slots[slot] = tag | UInt64(count + 1)
    arena.append(contentsOf: word)
    ends.append(arena.count)
    count += 1
    if count * 2 > slots.count { grow() }
    return count - 1
  }

  @inline(__always)
  private func equals(_ index: Int, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
    let start = ends[index]
    guard ends[index + 1] - start == word.count else { return false }
    return arena.withUnsafeBufferPointer { arena in
      for offset in 0..<word.count where arena[start + offset] != word[offset] { return false }
      return true
    }
  }

  private mutating func grow() {
    var larger = [UInt64](repeating: 0, count: slots.count * 2)
    let mask = larger.count - 1
    arena.withUnsafeBufferPointer { arena in
      for index in 0..<count {
        let hash = Self.hash(UnsafeBufferPointer(rebasing: arena[ends[index]..<ends[index + 1]]))
        var slot = Int(truncatingIfNeeded: hash) & mask
        while larger[slot] != 0 { slot = (slot + 1) & mask }
        larger[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(index + 1)
      }
    }
    slots = larger
  }

  @inline(__always)
  private static func hash(_ word: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(word.count)
    for byte in word { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
    return hash ^ hash >> 29
  }
}
