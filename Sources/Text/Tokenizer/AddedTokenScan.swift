import Foundation

/// Finds the added tokens of a text: the leftmost first, of two at one place the longer.
struct AddedTokenScan {
  struct Match {
    var id: Int32
    var range: Range<Int>
  }

  /// Tokens by their first byte, the longest first.
  private var candidates: [UInt8: [(bytes: [UInt8], token: Tokenizer.AddedToken)]] = [:]

  init(_ tokens: [Tokenizer.AddedToken]) {
    for token in tokens.sorted(by: { $0.content.utf8.count > $1.content.utf8.count }) {
      let bytes = Array(token.content.utf8)
      if let first = bytes.first { candidates[first, default: []].append((bytes, token)) }
    }
  }

  func matches(in text: UnsafeBufferPointer<UInt8>) -> [Match] {
    var isFirst = [Bool](repeating: false, count: 256)
    for byte in candidates.keys { isFirst[Int(byte)] = true }
    var matches: [Match] = []
    var rest = 0
    var position = 0
    while position < text.count {
      guard isFirst[Int(text[position])],
        let found = candidates[text[position]]?.first(where: { starts(text, at: position, with: $0.bytes) })
      else {
        position += 1
        continue
      }
      var start = position
      var end = position + found.bytes.count
      if found.token.stripsLeft {
        while start > rest, let width = whitespace(text, before: start, start: rest) { start -= width }
      }
      if found.token.stripsRight {
        while end < text.count {
          let character = UTF8Scan.character(text, at: end, end: text.count)
          guard character.class == .whitespace else { break }
          end += character.length
        }
      }
      matches.append(Match(id: found.token.id, range: start..<end))
      position = end
      rest = end
    }
    return matches
  }

  private func starts(_ text: UnsafeBufferPointer<UInt8>, at position: Int, with bytes: [UInt8]) -> Bool {
    guard position + bytes.count <= text.count else { return false }
    return bytes.indices.allSatisfy { text[position + $0] == bytes[$0] }
  }

  /// The length of the whitespace character that ends at `end`; nil where there is none.
  private func whitespace(_ text: UnsafeBufferPointer<UInt8>, before end: Int, start: Int) -> Int? {
    for width in 1...3 where end - width >= start {
      let character = UTF8Scan.character(text, at: end - width, end: end)
      if character.class == .whitespace && character.length == width { return width }
    }
    return nil
  }
}
