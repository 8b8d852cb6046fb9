import Device

/// `y = x keep / (1 - p) [+ residual]`, the draws made sixteen Philox blocks at a time, a block a lane.
extension CPUDevice {
  public func dropout(_ operation: Dropout) {
    guard operation.count > 0 else { return }
    command("dropout", floats: operation.count * (operation.residual == nil ? 2 : 3)) {
      let (x, y) = (operation.input.floats, operation.output.floats)
      let residual = operation.residual?.floats
      // The draw is (word >> 8) / 2^24: kept where that is at least p, which is a comparison of integers.
      let threshold = UInt32((Double(operation.probability) * 0x1p24).rounded(.up))
      let factor = 1 / (1 - operation.probability)
      parallel.overElements(operation.count) { range in
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: windowElements) { window in
          let words = window.baseAddress!
          var index = range.lowerBound
          while index < range.upperBound {
            let element = operation.firstElement &+ UInt64(index)
            let skipped = Int(element % UInt64(windowElements))
            let run = min(range.upperBound - index, windowElements - skipped)
            draw(operation.stream, firstBlock: (element - UInt64(skipped)) / 4, into: words)
            let offset = index
            forEachLanes(run) { start, count in
              var value = loadLanes(x + offset + start, count) * factor
              let draws = loadWords(words + skipped + start, count) &>> 8
              value.replace(with: 0, where: draws .< threshold)
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

/// Sixteen blocks of four words.
private let windowElements = 64

@inline(__always)
private func loadWords(_ words: UnsafePointer<UInt32>, _ count: Int) -> LaneBits {
  if count == LaneBits.scalarCount { return UnsafeRawPointer(words).loadUnaligned(as: LaneBits.self) }
  var value = LaneBits.zero
  for lane in 0..<count { value[lane] = words[lane] }
  return value
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
  for lane in 0..<16 {
    words[4 * lane] = x0[lane]
    words[4 * lane + 1] = x1[lane]
    words[4 * lane + 2] = x2[lane]
    words[4 * lane + 3] = x3[lane]
  }
}

/// The two halves of the 64-bit products.
@inline(__always)
private func product(_ a: LaneBits, _ b: UInt64) -> (high: LaneBits, low: LaneBits) {
  let wide = SIMD16<UInt64>(truncatingIfNeeded: a) &* b
  return (LaneBits(truncatingIfNeeded: wide &>> 32), LaneBits(truncatingIfNeeded: wide))
}
