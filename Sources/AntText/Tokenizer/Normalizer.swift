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
    var result: [UInt8] = []
    result.reserveCapacity(range.count + 16)
    var copied = range.lowerBound
    while true {
      let start = max(next - 1, copied)
      result.append(contentsOf: bytes[copied..<start])
      var end = Self.endOfRun(bytes, from: next, to: range.upperBound)
      if end == next {
        end += UTF8Scan.character(bytes, at: next, end: range.upperBound).length
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
  /// than the forms.
  private static func endOfRun(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int) -> Int {
    var end = start
    var count = 0
    while end < limit, let scalar = UTF8Scan.scalar(bytes, at: end, end: limit), isKnown(scalar),
      count < longRun || !standsAlone(scalar)
    {
      end += UTF8.width(scalar)
      count += 1
    }
    return end
  }

  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.age.map { $0.major <= 9 } ?? false
  }

  /// Whether a character combines with nothing before it, in any form: it does not begin with a mark, nor with a
  /// conjoining vowel or final consonant of Korean.
  private static func standsAlone(_ scalar: Unicode.Scalar) -> Bool {
    guard let first = NormalizationForm.nfkd(String(scalar)).unicodeScalars.first else { return false }
    switch first.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: return false
    default: return !(0x1160...0x11FF).contains(first.value)
    }
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
