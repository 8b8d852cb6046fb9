import AntDevice

/// `y = x keep / (1 - p) [+ residual]`, the draws made sixteen Philox blocks at a time, a block a lane.
extension CPUDevice {
  public func dropout(_ operation: Dropout) {
    guard operation.count > 0 else { return }
    command("dropout", floats: operation.count * (operation.residual == nil ? 2 : 3)) {
      let (x, y) = (operation.input.floats, operation.output.floats)
      let residual = operation.residual?.floats
      let threshold = SIMD16<Int32>(repeating: dropThreshold(operation.probability))
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

/// Elements drawn before they are used, so that the words have reached the cache when whole lanes read them.
private let windowElements = 8 * drawnElements

@inline(__always)
private func loadWords(_ words: UnsafePointer<UInt32>) -> LaneBits {
  UnsafeRawPointer(words).loadUnaligned(as: LaneBits.self)
}
