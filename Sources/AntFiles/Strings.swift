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
}
