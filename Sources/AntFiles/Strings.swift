extension String {
  /// The text on one line: what breaks lines becomes a space. For messages that quote what stood in a file.
  public var onOneLine: String { String(map { $0.isNewline ? " " : $0 }) }

  /// Whether there is nothing but white space, character by character: a mark on a space is no space.
  public var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }

  /// The text without the white space at its end.
  public var withoutTrailingSpace: String {
    let scalars = unicodeScalars
    guard let last = scalars.lastIndex(where: { !$0.properties.isWhitespace }) else { return "" }
    return String(scalars[...last])
  }

  /// The text with `new` in every place of `old`, whatever marks follow: those hide it from Foundation's search.
  public func replacingExactly(_ old: String, with new: String) -> String {
    String(unicodeScalars.replacing(old.unicodeScalars, with: new.unicodeScalars))
  }

  /// The text without the white space around it.
  public var trimmed: String {
    String(withoutTrailingSpace.unicodeScalars.drop(while: \.properties.isWhitespace))
  }

  /// The text as it can be shown: what a terminal takes for a command, or what turns the order of letters round,
  /// stands as `\u001b`. Tabs and the ends of lines stay.
  public var printable: String { escaping { $0 == "\n" || $0 == "\t" } }

  /// As ``printable``, on one line and in one column.
  public var printableOnOneLine: String { escaping { _ in false } }

  private func escaping(exceptFor isAllowed: (Unicode.Scalar) -> Bool) -> String {
    guard unicodeScalars.contains(where: { $0.isCommand && !isAllowed($0) }) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      if scalar.isCommand && !isAllowed(scalar) {
        text += scalar.escaped
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// The text that `bytes` are, and those that are no UTF-8 as `\xe9`.
  public init(escapingInvalid bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    if let text = String(validating: bytes, as: UTF8.self) {
      self = text
      return
    }
    self = ""
    var rest = bytes[...]
    while let first = rest.first {
      // A character has four bytes at most.
      let character = (1...4).lazy.compactMap { String(validating: rest.prefix($0), as: UTF8.self) }.first
      self += character ?? "\\x" + hexadecimal(UInt32(first), digits: 2)
      rest = rest.dropFirst(character?.utf8.count ?? 1)
    }
  }
}

extension Unicode.Scalar {
  /// Whether it tells a terminal something in place of standing for itself: C0, DEL, C1, and what embeds, overrides
  /// or isolates a direction of writing.
  var isCommand: Bool {
    switch value {
    case 0..<0x20, 0x7f...0x9f, 0x202a...0x202e, 0x2066...0x2069: true
    default: false
    }
  }

  /// As JSON and others write it: `\u001b`.
  var escaped: String { "\\u" + hexadecimal(value, digits: 4) }
}

private func hexadecimal(_ value: UInt32, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
