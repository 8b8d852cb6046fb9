import AntRandom
import Foundation

@testable import AntText

/// Numbers for tests: the same in every run.
struct TestDraws {
  private let stream: RandomStream
  private var next: UInt64 = 0

  init(_ seed: UInt64) { stream = RandomStream(seed: seed, purpose: .sampling) }

  mutating func below(_ bound: Int) -> Int {
    defer { next += 1 }
    return Int(stream.word(next)) % bound
  }

  mutating func element<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(below(256)) } }

  /// Words, odd spaces, contractions, several scripts, and things that are nearly one of these.
  mutating func text(_ count: Int) -> String {
    let parts = [
      "a", "b", "ab", "the", " the", "dog's", "'s", "'re", "'ll", "'LL", "'", " ", "  ", "\t", "\r", "1",
      "42",
      " 7", "!", "...", " ?", "é", "e\u{301}", "ß", "日本", "١٢", "½", "\u{A0}", "\u{2003}", "\u{3000}", "😀",
      "\u{0B}", "\u{1C}", "\u{85}", "\u{200B}", "ʰ", "Ⅷ", "[MASK", "</s",
    ]
    return (0..<count).map { _ in element(of: parts) }.joined()
  }
}

extension WordCounts {
  init(lines: [String], _ segmentation: Segmentation = Segmentation()) {
    self.init(segmentation)
    for line in lines {
      Array(line.utf8).withUnsafeBufferPointer { bytes in
        segmentation.forEachPiece(of: bytes, in: 0..<bytes.count, beginsText: true) { add($0, times: 1) }
      }
    }
  }
}

func bytePairs(_ tokenizer: Tokenizer) -> BytePairEncoding {
  guard let model = tokenizer.model as? BytePairEncoding else { preconditionFailure("no BPE tokenizer") }
  return model
}

func pieces(of bytes: [UInt8]) -> [[UInt8]] {
  bytes.withUnsafeBufferPointer { buffer in
    var scan = GPT2Pattern(buffer, in: 0..<buffer.count)
    var pieces: [[UInt8]] = []
    while let piece = scan.next() { pieces.append(Array(buffer[piece])) }
    return pieces
  }
}
