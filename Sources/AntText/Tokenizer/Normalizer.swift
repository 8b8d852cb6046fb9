import Foundation

/// A Unicode normalization form (UAX #15).
public enum NormalizationForm: String, Sendable, CaseIterable {
  case nfc = "NFC"
  case nfd = "NFD"
  case nfkc = "NFKC"
  case nfkd = "NFKD"

  func callAsFunction(_ text: String) -> String {
    switch self {
    case .nfc: text.precomposedStringWithCanonicalMapping
    case .nfd: text.decomposedStringWithCanonicalMapping
    case .nfkc: text.precomposedStringWithCompatibilityMapping
    case .nfkd: text.decomposedStringWithCompatibilityMapping
    }
  }
}

/// Puts text in one form before it is looked at, so that equal words are equal bytes.
///
/// Foundation's tables are newer than those of Hugging Face's tokenizers: characters that Unicode took in since its
/// version 9 may come out differently.
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
      var end = next
      while end < range.upperBound, bytes[end] >= 0x80,
        let scalar = UTF8Scan.scalar(bytes, at: end, end: range.upperBound)
      {
        end += UTF8.width(scalar)
      }
      if end == next {
        result.append(contentsOf: bytes[start...end])
        end += 1
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
