import Foundation
import Synchronization

/// Distinct pieces of text and how often each occurs.
struct WordCounts: Sendable {
  private(set) var table = WordTable()
  private(set) var counts: [Int] = []
  private let segmentation: Segmentation

  init(_ segmentation: Segmentation) { self.segmentation = segmentation }

  /// Counts the pieces of all files, on all cores. Every line is counted by itself.
  init(
    _ files: TextFiles, _ segmentation: Segmentation,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) {
    self.init(segmentation)
    let chunks = TextChunk.chunks(of: files)
    let workers = max(1, min(threads, chunks.count))
    let parts = Mutex([WordCounts?](repeating: nil, count: workers))
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      var counts = WordCounts(segmentation)
      for index in stride(from: worker, to: chunks.count, by: workers) { counts.add(chunks[index]) }
      let result = counts
      parts.withLock { $0[worker] = result }
    }
    // Learning does not depend on the order of words, so neither on the number of workers.
    for part in parts.withLock({ $0 }).compactMap({ $0 }) {
      if table.count == 0 { self = part } else { add(part) }
    }
  }

  mutating func add(_ chunk: TextChunk) {
    let bytes = chunk.entry.file.units
    // Copied, so that the pieces may change these counts.
    let segmentation = segmentation
    chunk.forEachLine { line in
      segmentation.forEachPiece(of: bytes, in: line.range, beginsText: line.isBeginning) { add($0, times: 1) }
    }
  }

  mutating func add(_ word: UnsafeBufferPointer<UInt8>, times: Int) {
    let index = table.index(of: word)
    if index == counts.count { counts.append(times) } else { counts[index] += times }
  }

  private mutating func add(_ other: WordCounts) {
    for index in 0..<other.table.count {
      other.table.bytes(index).withUnsafeBufferPointer { add($0, times: other.counts[index]) }
    }
  }
}
