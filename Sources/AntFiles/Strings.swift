extension String {
  /// The text on one line: what breaks lines becomes a space. For messages that quote what stood in a file.
  public var onOneLine: String { String(map { $0.isNewline ? " " : $0 }) }

  /// The text without the white space at its end.
  public var withoutTrailingSpace: String {
    String(reversed().drop(while: \.isWhitespace).reversed())
  }
}
