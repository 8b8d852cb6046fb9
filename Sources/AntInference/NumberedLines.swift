import AntText

extension [TextLines.Line] {
  /// What `body` makes of these lines; an item that it finds too long is named by the number of its line.
  public func numbered<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch InferenceError.tooLong(let item?, let tokens, let maximum) {
      throw InferenceError.tooLong(item: self[item - 1].number, tokens: tokens, maximum: maximum)
    }
  }
}
