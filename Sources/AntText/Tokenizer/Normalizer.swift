import Foundation

/// A Unicode normalization form (UAX #15).
public enum NormalizationForm: String, Sendable, CaseIterable {
  case nfc = "NFC"
  case nfd = "NFD"
  case nfkc = "NFKC"
  case nfkd = "NFKD"

  /// By ICU, which Foundation's transforms are. Foundation's own mappings leave jamo, marks of half-width kana and
  /// what lies beyond U+FFFF apart.
  func callAsFunction(_ text: String) -> String {
    text.applyingTransform(StringTransform(rawValue: rawValue), reverse: false) ?? text
  }

  /// Of the characters below U+2070, Latin to punctuation, those that stay as they are among others of their kind:
  /// no marks, and nothing to take apart.
  fileprivate var plain: [Bool] { Self.plain[self] ?? [] }

  private static let plain: [NormalizationForm: [Bool]] = Dictionary(
    uniqueKeysWithValues: allCases.map { form in
      let scalars = (0..<0x2070).map { Unicode.Scalar($0 as UInt32) ?? "\0" }
      let lines = String(String.UnicodeScalarView(scalars.flatMap { $0 < "\u{80}" ? [] : [$0, "\n"] }))
      let changed = form(lines).unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
      return (
        form,
        scalars.map { scalar in
          guard scalar >= "\u{80}", Normalizer.isKnown(scalar), !Normalizer.isMark(scalar) else {
            return false
          }
          return changed[Int(scalar.value) - 0x80].elementsEqual(CollectionOfOne(scalar))
            && !Normalizer.conjoining.contains(scalar.value)
        }
      )
    })
}

/// Puts text in one form before it is looked at, so that equal words are equal bytes.
///
/// The forms are those of Unicode 9, as in Hugging Face's tokenizers: a character that came later stays as it is and
/// keeps apart what stands around it.
struct Normalizer: Sendable, Equatable {
  /// Applied one after another.
  var forms: [NormalizationForm] = []

  func callAsFunction(_ text: [UInt8]) -> [UInt8] {
    text.withUnsafeBufferPointer { self($0, in: 0..<$0.count) } ?? text
  }

  /// The text of `bytes[range]` normalized; nil where it stays as it is. Malformed bytes are left alone.
  ///
  /// No form changes ASCII, and none joins an ASCII character to what stands before it: only runs of other
  /// characters are looked at, each with the one ASCII character that it may combine with.
  func callAsFunction(_ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>) -> [UInt8]? {
    guard !forms.isEmpty, var next = Self.firstNonASCII(bytes, in: range) else { return nil }
    let plain = forms.map(\.plain)
    var result: [UInt8] = []
    result.reserveCapacity(range.count + 16)
    var copied = range.lowerBound
    while true {
      let start = max(next - 1, copied)
      result.append(contentsOf: bytes[copied..<start])
      var (end, isPlain) = Self.endOfRun(bytes, from: next, to: range.upperBound, plain: plain)
      if end == next {
        end += UTF8Scan.character(bytes, at: next, end: range.upperBound).length
        result.append(contentsOf: bytes[start..<end])
      } else if isPlain {
        result.append(contentsOf: bytes[start..<end])
      } else {
        let run = String(decoding: bytes[start..<end], as: UTF8.self)
        result.append(contentsOf: forms.reduce(run) { $1($0) }.utf8)
      }
      copied = end
      guard let following = Self.firstNonASCII(bytes, in: end..<range.upperBound) else { break }
      next = following
    }
    result.append(contentsOf: bytes[copied..<range.upperBound])
    return result
  }

  /// Characters of a run after which it ends where it can: what a transform takes grows with the square of them.
  private static let longRun = 64

  /// Where the characters that may combine with each other end: before ASCII, malformed bytes, and characters newer
  /// than the forms. And whether all of them are plain in every form.
  private static func endOfRun(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int, plain: [[Bool]]
  ) -> (end: Int, isPlain: Bool) {
    var end = start
    var count = 0
    var isPlain = true
    while end < limit, let scalar = UTF8Scan.scalar(bytes, at: end, end: limit) {
      let value = Int(scalar.value)
      if !plain.allSatisfy({ value < $0.count && $0[value] }) {
        guard isKnown(scalar), count < longRun || !standsAlone(scalar) else { break }
        isPlain = false
      }
      end += UTF8.width(scalar)
      count += 1
    }
    return (end, isPlain)
  }

  fileprivate static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.age.map { $0.major <= 9 } ?? false
  }

  fileprivate static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: true
    default: false
    }
  }

  /// Vowels and final consonants of Korean, which syllables are put together of.
  fileprivate static let conjoining: ClosedRange<UInt32> = 0x1160...0x11FF

  /// Whether a character combines with nothing before it, in any form.
  private static func standsAlone(_ scalar: Unicode.Scalar) -> Bool {
    guard let first = NormalizationForm.nfkd(String(scalar)).unicodeScalars.first else { return false }
    return !isMark(first) && !conjoining.contains(first.value)
  }

  private static func firstNonASCII(_ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>) -> Int? {
    var place = range.lowerBound
    guard let base = UnsafeRawPointer(bytes.baseAddress) else { return nil }
    while place + 8 <= range.upperBound,
      base.loadUnaligned(fromByteOffset: place, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
    {
      place += 8
    }
    while place < range.upperBound {
      if bytes[place] >= 0x80 { return place }
      place += 1
    }
    return nil
  }
}
