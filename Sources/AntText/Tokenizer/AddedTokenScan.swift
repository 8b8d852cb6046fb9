import Foundation

/// Finds added tokens in a text: the leftmost first, of two at one place the longer.
struct AddedTokenScan: Sendable {
  enum Part: Equatable {
    case text([UInt8])
    case token(Int32)
  }

  struct Match {
    var id: Int32
    var range: Range<Int>
  }

  private let normalizer: Normalizer
  /// Tokens by their first byte, the longest first.
  private var candidates: [UInt8: [(bytes: [UInt8], token: Tokenizer.AddedToken)]] = [:]

  /// - Parameter normalizer: what is done to texts, and to the tokens, before these are looked for.
  init(_ tokens: [Tokenizer.AddedToken], normalizer: Normalizer) {
    self.normalizer = normalizer
    for token in tokens {
      let bytes = normalizer(Array(token.content.utf8))
      if let first = bytes.first { candidates[first, default: []].append((bytes, token)) }
    }
    for first in candidates.keys { candidates[first]?.sort { $0.bytes.count > $1.bytes.count } }
  }

  /// The tokens of a text and what lies between them; no part is empty.
  func parts(of text: [UInt8]) -> [Part] {
    if candidates.isEmpty { return text.isEmpty ? [] : [.text(text)] }
    let text = normalizer(text)
    var parts: [Part] = []
    var rest = 0
    for match in text.withUnsafeBufferPointer(matches) {
      if match.range.lowerBound > rest { parts.append(.text(Array(text[rest..<match.range.lowerBound]))) }
      parts.append(.token(match.id))
      rest = match.range.upperBound
    }
    if rest < text.count { parts.append(.text(Array(text[rest...]))) }
    return parts
  }

  private func matches(in text: UnsafeBufferPointer<UInt8>) -> [Match] {
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
