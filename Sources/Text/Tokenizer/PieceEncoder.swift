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
  private var symbols: [Int32] = []

  init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// Appends the tokens of `bytes[range]`.
  ///
  /// - Parameter beginsText: whether the range begins a text, so that a prefix space may be due.
  mutating func encode(
    _ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, beginsText: Bool, into ids: inout [Int32]
  ) {
    guard !range.isEmpty else { return }
    if beginsText && tokenizer.addsPrefixSpace && bytes[range.lowerBound] != 0x20 {
      let spaced = [0x20] + bytes[range]
      spaced.withUnsafeBufferPointer { encodePieces($0, in: 0..<$0.count, into: &ids) }
    } else {
      encodePieces(bytes, in: range, into: &ids)
    }
  }

  private mutating func encodePieces(
    _ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, into ids: inout [Int32]
  ) {
    var pieces = PreTokenizer(bytes, in: range)
    while let piece = pieces.next() {
      let word = UnsafeBufferPointer(rebasing: bytes[piece])
      guard word.count <= Self.longestRemembered else {
        merge(word)
        ids.append(contentsOf: symbols)
        continue
      }
      let index = words.index(of: word)
      if index == starts.count - 1 {
        merge(word)
        tokens.append(contentsOf: symbols)
        starts.append(tokens.count)
      }
      for place in starts[index]..<starts[index + 1] { ids.append(tokens[place]) }
      if words.byteCount > Self.memory { forget() }
    }
  }

  /// The tokens of one piece, into `symbols`.
  private mutating func merge(_ word: UnsafeBufferPointer<UInt8>) {
    symbols.removeAll(keepingCapacity: true)
    if !tokenizer.wholePieces.isEmpty, let whole = tokenizer.wholePieces[Array(word)] {
      symbols.append(whole)
      return
    }
    for byte in word { symbols.append(tokenizer.byteIDs[Int(byte)]) }
    tokenizer.merges.apply(to: &symbols)
  }

  private mutating func forget() {
    words = WordTable()
    tokens = []
    starts = [0]
  }
}
