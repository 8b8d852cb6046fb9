/// Encodes pieces and remembers them: in natural text nearly every piece has been seen before.
struct PieceEncoder {
  /// What is remembered is forgotten when it exceeds this many bytes of text.
  private static let memory = 16 << 20
  private static let longestRemembered = 64

  private let tokenizer: Tokenizer
  private var words = WordTable()
  /// The tokens of all remembered words one after another, and where each one's begin.
  private var tokens: [Int32] = []
  private var starts: [Int] = [0]

  init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// Appends the tokens of `bytes[range]`.
  ///
  /// - Parameter beginsText: whether the range begins a text, so that a prefix space may be due.
  mutating func encode(
    _ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, beginsText: Bool, into ids: inout [Int32]
  ) {
    // Copied, so that the pieces may change this encoder.
    let segmentation = tokenizer.segmentation
    segmentation.forEachPiece(of: bytes, in: range, beginsText: beginsText) { encode($0, into: &ids) }
  }

  private mutating func encode(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
    guard piece.count <= Self.longestRemembered else { return tokenizer.model.encode(piece, into: &ids) }
    let index = words.index(of: piece)
    if index == starts.count - 1 {
      tokenizer.model.encode(piece, into: &tokens)
      starts.append(tokens.count)
    }
    for place in starts[index]..<starts[index + 1] { ids.append(tokens[place]) }
    if words.byteCount > Self.memory { forget() }
  }

  private mutating func forget() {
    words = WordTable()
    tokens = []
    starts = [0]
  }
}
