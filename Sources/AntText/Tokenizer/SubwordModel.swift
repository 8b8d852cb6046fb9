/// A vocabulary and the rule by which it cuts a piece of text into tokens.
protocol SubwordModel: Sendable {
  /// Appends the tokens of a piece, which is not empty.
  func encode(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [Int32])
}
