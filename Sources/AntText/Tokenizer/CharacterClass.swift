/// What the GPT-2 pattern asks of a character: `\p{L}`, `\p{N}`, `\s`, or none of them.
enum CharacterClass: UInt8 {
  case letter, number, whitespace, other

  @inline(__always)
  init(ascii byte: UInt8) {
    if (byte | 0x20) &- 0x61 < 26 {
      self = .letter
    } else if byte == 0x20 || byte &- 9 < 5 {
      self = .whitespace
    } else if byte &- 0x30 < 10 {
      self = .number
    } else {
      self = .other
    }
  }

  init(_ scalar: Unicode.Scalar) {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
    case .decimalNumber, .letterNumber, .otherNumber: self = .number
    default: self = scalar.properties.isWhitespace ? .whitespace : .other
    }
  }
}

/// Reading UTF-8 one character at a time.
enum UTF8Scan {
  /// The character that begins at `position` (below `end`) and its length in bytes.
  ///
  /// A byte that begins no well-formed character is a character of its own, of class `other`.
  @inline(__always)
  static func character(
    _ bytes: UnsafeBufferPointer<UInt8>, at position: Int, end: Int
  ) -> (class: CharacterClass, length: Int) {
    let first = bytes[position]
    if first < 0x80 { return (CharacterClass(ascii: first), 1) }
    guard let scalar = scalar(bytes, at: position, end: end) else { return (.other, 1) }
    return (CharacterClass(scalar), first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4)
  }

  /// The character of two or more bytes that begins at `position`; nil where the bytes are malformed: cut
  /// short, overlong, a surrogate, or above U+10FFFF.
  static func scalar(
    _ bytes: UnsafeBufferPointer<UInt8>, at position: Int, end: Int
  ) -> Unicode.Scalar? {
    let first = bytes[position]
    let length: Int
    var value: UInt32
    switch first {
    case 0xC2...0xDF: (length, value) = (2, UInt32(first & 0x1F))
    case 0xE0...0xEF: (length, value) = (3, UInt32(first & 0x0F))
    case 0xF0...0xF4: (length, value) = (4, UInt32(first & 0x07))
    default: return nil
    }
    guard position + length <= end else { return nil }
    for offset in 1..<length {
      let byte = bytes[position + offset]
      guard byte & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    if length == 3 && value < 0x800 || length == 4 && value < 0x1_0000 { return nil }
    return Unicode.Scalar(value)
  }
}
