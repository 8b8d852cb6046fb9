import AntRandom

/// Philox on sixteen counters at once, a block a lane.

/// Sixteen blocks of four words: what one ``draw(_:firstBlock:into:)`` gives.
let drawnElements = 64

/// The draw is (word >> 8) / 2^24: kept where that is at least p, which is a comparison of integers, `word >> 8`
/// with this.
func dropThreshold(_ probability: Float) -> Int32 { Int32((Double(probability) * 0x1p24).rounded(.up)) }

/// The 64 words of sixteen blocks, block after block: ``Philox`` with lane b at block `firstBlock + b`, a
/// multiple of sixteen, so that no lane carries into the counter's second word.
@inline(__always)
func draw(_ stream: RandomStream, firstBlock: UInt64, into words: UnsafeMutablePointer<UInt32>) {
  let lanes = LaneBits(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  var x0 = lanes &+ UInt32(truncatingIfNeeded: firstBlock)
  var x1 = LaneBits(repeating: UInt32(truncatingIfNeeded: firstBlock >> 32))
  var x2 = LaneBits(repeating: stream.counterTail[0])
  var x3 = LaneBits(repeating: stream.counterTail[1])
  var key = stream.key
  for _ in 0..<10 {
    let low = product(x0, 0xD251_1F53)
    let high = product(x2, 0xCD9E_8D57)
    x0 = high.high ^ x1 ^ key[0]
    x1 = high.low
    x2 = low.high ^ x3 ^ key[1]
    x3 = low.low
    key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
  }
  // A block's words lie side by side: pairs of them, first of the even blocks, then of the odd ones.
  let (pair01, pair23) = (pairs(x0, x1), pairs(x2, x3))
  words.withMemoryRebound(to: UInt64.self, capacity: 32) { words in
    for index in 0..<8 {
      words[4 &* index] = pair01.even[index]
      words[4 &* index &+ 1] = pair23.even[index]
      words[4 &* index &+ 2] = pair01.odd[index]
      words[4 &* index &+ 3] = pair23.odd[index]
    }
  }
}

/// Lanes taken two at a time as 64-bit words, which is what the machine multiplies.
private typealias WideBits = SIMD8<UInt64>

@inline(__always)
private var lowWord: WideBits { WideBits(repeating: 0xFFFF_FFFF) }

/// The two halves of the 64-bit products, of even and odd lanes apart.
@inline(__always)
private func product(_ a: LaneBits, _ b: UInt64) -> (high: LaneBits, low: LaneBits) {
  let wide = unsafeBitCast(a, to: WideBits.self)
  let even = (wide & lowWord) &* WideBits(repeating: b)
  let odd = (wide &>> 32) &* WideBits(repeating: b)
  let high = (even &>> 32) | (odd & ~lowWord)
  let low = (even & lowWord) | (odd &<< 32)
  return (unsafeBitCast(high, to: LaneBits.self), unsafeBitCast(low, to: LaneBits.self))
}

/// `a | b << 32` for the even lanes, and for the odd ones.
@inline(__always)
private func pairs(_ a: LaneBits, _ b: LaneBits) -> (even: WideBits, odd: WideBits) {
  let (a, b) = (unsafeBitCast(a, to: WideBits.self), unsafeBitCast(b, to: WideBits.self))
  return ((a & lowWord) | (b &<< 32), (a &>> 32) | (b & ~lowWord))
}
