/// How text is cut into the pieces that a vocabulary is applied to, each by itself: what a tokenizer.json calls
/// normalizer and pre_tokenizer.
///
///     normalizer → digits → a space before → the GPT-2 pattern → digits among the characters that stand for bytes
struct Segmentation: Sendable, Equatable {
  enum Digits: Sendable {
    /// Every digit is a piece of its own.
    case individual
    /// A run of digits is a piece.
    case contiguous
  }

  var normalizer = Normalizer()
  /// Cuts numbers of any script (`\p{N}`) out of the text; each part is then a text of its own.
  var digitsOfText: Digits?
  /// Whether a text that begins with no space is given one.
  var addsPrefixSpace = false
  /// Cuts numbers out of the pieces: 0 to 9, and the bytes that are written as ², ³, ¹, ¼, ½ and ¾
  /// (see ``ByteAlphabet``), whatever they are part of.
  var digitsOfBytes: Digits?

  /// Calls `body` with the pieces of `bytes[range]` in order. None is empty.
  ///
  /// - Parameter beginsText: whether the range begins a text, so that a space may be due.
  func forEachPiece(
    of bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, beginsText: Bool,
    _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    if let normalized = normalizer(bytes, in: range) {
      normalized.withUnsafeBufferPointer {
        parts(of: $0, in: 0..<$0.count, beginsText: beginsText, body)
      }
    } else {
      parts(of: bytes, in: range, beginsText: beginsText, body)
    }
  }

  private func parts(
    of bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, beginsText: Bool,
    _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard let digits = digitsOfText else { return spaced(bytes, in: range, beginsText: beginsText, body) }
    var begins = beginsText
    Self.forEachRun(
      digits, in: range,
      isNumber: { place in
        let character = UTF8Scan.character(bytes, at: place, end: range.upperBound)
        return (character.class == .number, character.length)
      },
      body: { run in
        spaced(bytes, in: run, beginsText: begins, body)
        begins = true
      })
  }

  private func spaced(
    _ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, beginsText: Bool,
    _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard beginsText, addsPrefixSpace, !range.isEmpty, bytes[range.lowerBound] != 0x20 else {
      return words(of: bytes, in: range, body)
    }
    ([0x20] + bytes[range]).withUnsafeBufferPointer { words(of: $0, in: 0..<$0.count, body) }
  }

  private func words(
    of bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    var pattern = GPT2Pattern(bytes, in: range)
    while let word = pattern.next() {
      guard let digits = digitsOfBytes else {
        body(UnsafeBufferPointer(rebasing: bytes[word]))
        continue
      }
      Self.forEachRun(
        digits, in: word, isNumber: { (ByteAlphabet.isNumber[Int(bytes[$0])], 1) },
        body: { body(UnsafeBufferPointer(rebasing: bytes[$0])) })
    }
  }

  /// Calls `body` with the runs of numbers and of anything else.
  private static func forEachRun(
    _ digits: Digits, in range: Range<Int>, isNumber: (Int) -> (Bool, length: Int),
    body: (Range<Int>) -> Void
  ) {
    var start = range.lowerBound
    var startsWithNumber = false
    var place = start
    while place < range.upperBound {
      let (number, length) = isNumber(place)
      if place > start && (number != startsWithNumber || number && digits == .individual) {
        body(start..<place)
        start = place
      }
      startsWithNumber = number
      place += length
    }
    if start < range.upperBound { body(start..<range.upperBound) }
  }
}
