import Foundation
import Synchronization

/// Encodes files on several cores: every line that is not blank becomes `<s>` tokens `</s>`, all in one stream.
///
/// Special tokens are not recognized in the text: whatever it says, it is text.
struct CorpusEncoder {
  /// Chunks that each worker encodes before the results are put in order.
  private static let chunksPerRound = 4

  private let tokenizer: Tokenizer
  private let threads: Int

  init(_ tokenizer: Tokenizer, threads: Int) {
    self.tokenizer = tokenizer
    self.threads = max(1, threads)
  }

  /// The bytes of a token in a stream: enough for every id.
  static func width(_ tokenizer: Tokenizer) -> Int { tokenizer.vocabularySize <= 1 << 16 ? 2 : 4 }

  /// The tokens, little-endian, ``width(_:)`` bytes each. Does not depend on the number of threads.
  func encode(_ files: TextFiles, chunkLength: Int = TextChunk.targetLength) -> [UInt8] {
    let chunks = TextChunk.chunks(of: files, length: chunkLength)
    let width = Self.width(tokenizer)
    let workers = max(1, min(threads, chunks.count))
    let encoders = Mutex([PieceEncoder](repeating: PieceEncoder(tokenizer), count: workers))
    var stream: [UInt8] = []
    for start in stride(from: 0, to: chunks.count, by: workers * Self.chunksPerRound) {
      let round = Array(chunks[start..<min(start + workers * Self.chunksPerRound, chunks.count)])
      let results = Mutex([[UInt8]](repeating: [], count: round.count))
      DispatchQueue.concurrentPerform(iterations: workers) { worker in
        var encoder = encoders.withLock { encoders in
          defer { encoders[worker] = PieceEncoder(tokenizer) }
          return encoders[worker]
        }
        for index in stride(from: worker, to: round.count, by: workers) {
          let bytes = Self.bytes(tokens(of: round[index], &encoder), width: width)
          results.withLock { $0[index] = bytes }
        }
        encoders.withLock { [encoder] in $0[worker] = encoder }
      }
      for part in results.withLock({ $0 }) { stream.append(contentsOf: part) }
    }
    return stream
  }

  private func tokens(of chunk: TextChunk, _ encoder: inout PieceEncoder) -> [Int32] {
    var ids: [Int32] = []
    ids.reserveCapacity(chunk.range.count / 3)
    let specials = tokenizer.specials
    let bytes = chunk.entry.file.units
    chunk.forEachLine { line in
      if line.isBeginning { ids.append(specials.beginning) }
      encoder.encode(bytes, in: line.range, beginsText: line.isBeginning, into: &ids)
      if line.isEnd { ids.append(specials.end) }
    }
    return ids
  }

  private static func bytes(_ ids: [Int32], width: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ids.count * width) { buffer, count in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      for (place, id) in ids.enumerated() {
        if width == 2 {
          raw.storeBytes(of: UInt16(id).littleEndian, toByteOffset: 2 * place, as: UInt16.self)
        } else {
          raw.storeBytes(of: UInt32(id).littleEndian, toByteOffset: 4 * place, as: UInt32.self)
        }
      }
      count = ids.count * width
    }
  }
}
