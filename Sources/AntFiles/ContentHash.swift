/// 128 bits that tell contents apart: two multiply-and-rotate lanes over words of eight bytes.
///
/// Guards against accidents (another file, a truncated or flipped one), not against forgery.
package struct ContentHash: Equatable, Sendable, CustomStringConvertible {
  private var first: UInt64 = 0x243F_6A88_85A3_08D3
  private var second: UInt64 = 0x1319_8A2E_0370_7344

  package mutating func combine(_ word: UInt64) {
    first = (first ^ word) &* 0x9E37_79B9_7F4A_7C15
    first = first << 29 | first >> 35
    second = (second &+ word) &* 0xD6E8_FEB8_6659_FD93
    second ^= second >> 31
  }

  /// The bytes and how many there are.
  package mutating func combine(_ bytes: UnsafeRawBufferPointer) {
    combine(UInt64(bytes.count))
    var position = 0
    while position + 8 <= bytes.count {
      combine(bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian)
      position += 8
    }
    var rest: UInt64 = 0
    for byte in bytes[position...] { rest = rest << 8 | UInt64(byte) }
    combine(rest)
  }

  /// Both lanes, with their last words spread over all bits.
  package var words: (UInt64, UInt64) {
    var mixed = self
    for _ in 0..<4 { mixed.combine(mixed.first ^ mixed.second) }
    return (mixed.first, mixed.second)
  }

  package init() {}

  package var description: String {
    [words.0, words.1].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
