import Device

/// `y = x keep / (1 - p) [+ residual]`, the draws made sixteen Philox blocks at a time, a block a lane.
extension CPUDevice {
  public func dropout(_ operation: Dropout) {
    guard operation.count > 0 else { return }
    command("dropout", floats: operation.count * (operation.residual == nil ? 2 : 3)) {
      let (x, y) = (operation.input.floats, operation.output.floats)
      let residual = operation.residual?.floats
      // The draw is (word >> 8) / 2^24: kept where that is at least p, which is a comparison of integers.
      let threshold = SIMD16<Int32>(
        repeating: Int32((Double(operation.probability) * 0x1p24).rounded(.up)))
      let factor = 1 / (1 - operation.probability)
      parallel.overElements(operation.count) { range in
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: windowElements + drawnElements) { window in
          let words = window.baseAddress!
          words.initialize(repeating: 0, count: window.count)
          var index = range.lowerBound
          while index < range.upperBound {
            let element = operation.firstElement &+ UInt64(index)
            let skipped = Int(element % UInt64(windowElements))
            let run = min(range.upperBound - index, windowElements - skipped)
            let firstBlock = (element - UInt64(skipped)) / 4
            for part in skipped / drawnElements...(skipped + run - 1) / drawnElements {
              draw(
                operation.stream, firstBlock: firstBlock + UInt64(part * drawnElements / 4),
                into: words + part * drawnElements)
            }
            let offset = index
            forEachLanes(run) { start, count in
              // Words beyond the run are read, never beyond the window's spare ones, and their lanes dropped.
              let draws = loadWords(words + skipped + start) &>> LaneBits(repeating: 8)
              var value = loadLanes(x + offset + start, count) * factor
              value.replace(
                with: 0, where: unsafeBitCast(draws, to: SIMD16<Int32>.self) .< threshold)
              if let residual { value += loadLanes(residual + offset + start, count) }
              storeLanes(value, y + offset + start, count)
            }
            index += run
          }
        }
      }
    }
  }
}

/// Sixteen blocks of four words: what one ``draw(_:firstBlock:into:)`` gives.
private let drawnElements = 64
/// Elements drawn before they are used, so that the words have reached the cache when whole lanes read them.
private let windowElements = 8 * drawnElements

@inline(__always)
private func loadWords(_ words: UnsafePointer<UInt32>) -> LaneBits {
  UnsafeRawPointer(words).loadUnaligned(as: LaneBits.self)
}

/// The 64 words of sixteen blocks, block after block: ``Philox`` with lane b at block `firstBlock + b`, a
/// multiple of sixteen, so that no lane carries into the counter's second word.
@inline(__always)
private func draw(_ stream: RandomStream, firstBlock: UInt64, into words: UnsafeMutablePointer<UInt32>) {
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
