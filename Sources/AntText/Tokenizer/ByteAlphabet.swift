/// The characters that stand for bytes in a byte-level vocabulary (Radford et al. 2019, GPT-2).
///
/// Printable bytes of Latin-1 stand for themselves; the other 68, in ascending order, are U+0100, U+0101, …
/// (so a space is U+0120, "Ġ").
enum ByteAlphabet {
  /// The character of each byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte -> Unicode.Scalar in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(UInt8(byte))
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "?"
      }
    }
  }()

  /// Bytes ordered by their character: the order of the first 256 ids of a vocabulary.
  static let sortedBytes: [UInt8] = (0..<256).sorted { scalars[$0].value < scalars[$1].value }.map {
    UInt8($0)
  }

  /// Whether the character of each byte is a number: 0 to 9, ², ³, ¹, ¼, ½ and ¾.
  static let isNumber: [Bool] = scalars.map { CharacterClass($0) == .number }

  private static let bytes: [UInt32: UInt8] = Dictionary(
    uniqueKeysWithValues: scalars.enumerated().map { ($1.value, UInt8($0)) })

  static func string(_ bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(scalars[Int(byte)]) }
    return String(text)
  }

  /// The bytes that `text` stands for; nil if it has a character that stands for none.
  static func bytes(_ text: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = bytes[scalar.value] else { return nil }
      result.append(byte)
    }
    return result
  }
}
