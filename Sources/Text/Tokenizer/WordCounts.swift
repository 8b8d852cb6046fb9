import Foundation
import Synchronization

/// Distinct pieces of text and how often each occurs.
struct WordCounts: Sendable {
  private(set) var table = WordTable()
  private(set) var counts: [Int] = []

  init() {}

  /// Counts the pieces of all files, on all cores. Every line is counted by itself.
  init(_ files: TextFiles, threads: Int = ProcessInfo.processInfo.activeProcessorCount) {
    let chunks = TextChunk.chunks(of: files)
    let workers = max(1, min(threads, chunks.count))
    let parts = Mutex([WordCounts?](repeating: nil, count: workers))
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      var counts = WordCounts()
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
    chunk.forEachLine { line in
      var pieces = PreTokenizer(bytes, in: line.range)
      while let piece = pieces.next() { add(UnsafeBufferPointer(rebasing: bytes[piece]), times: 1) }
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
