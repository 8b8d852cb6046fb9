/// Cuts text into the pieces inside which byte pairs are merged: what the GPT-2 pattern matches,
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// read straight from UTF-8. Every byte belongs to exactly one piece. Malformed bytes count as punctuation.
struct GPT2Pattern {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position: Int
  private let end: Int

  init(_ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  /// The next piece; nil at the end.
  mutating func next() -> Range<Int>? {
    guard position < end else { return nil }
    let start = position
    position = endOfPiece(from: start)
    return start..<position
  }

  @inline(__always)
  private func endOfPiece(from start: Int) -> Int {
    if bytes[start] == UInt8(ascii: "'") {
      let length = contractionLength(at: start)
      if length > 0 { return start + length }
    }
    var current = UTF8Scan.character(bytes, at: start, end: end)
    var next = start + current.length
    if bytes[start] == 0x20 && next < end {
      let following = UTF8Scan.character(bytes, at: next, end: end)
      if following.class != .whitespace {
        current = following
        next += following.length
      }
    }
    let run = current.class
    var last = start
    while next < end {
      let character = UTF8Scan.character(bytes, at: next, end: end)
      if character.class != run {
        // Of several spaces before a word the last one is left for what follows.
        return run == .whitespace && last > start ? last : next
      }
      last = next
      next += character.length
    }
    return end
  }

  /// The length of 's, 't, 're, 've, 'm, 'll or 'd at an apostrophe; 0 where there is none.
  private func contractionLength(at start: Int) -> Int {
    guard start + 1 < end else { return 0 }
    let first = bytes[start + 1]
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    default: break
    }
    guard start + 2 < end else { return 0 }
    switch (first, bytes[start + 2]) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return 3
    default: return 0
    }
  }

  /// The first place at or after `position` where a piece begins whatever stands around it: a space after a
  /// visible ASCII character, or the beginning of a line. `end` if there is none.
  static func boundary(_ bytes: UnsafeBufferPointer<UInt8>, from position: Int, end: Int) -> Int {
    var place = max(position, 1)
    while place < end {
      let before = bytes[place - 1]
      if before == 0x0A || bytes[place] == 0x20 && before > 0x20 && before < 0x80 { return place }
      place += 1
    }
    return end
  }
}
