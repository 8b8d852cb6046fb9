/// WordPiece (Schuster and Nakajima 2012; Devlin et al. 2019) over bytes: the longest token that begins a piece, then
/// the longest that begins the rest, and so on. Tokens inside a word are written as those at its beginning are.
struct WordPiece: SubwordModel {
  /// What a piece becomes that cannot be cut into tokens to its end.
  let unknown: Int32
  /// Longer pieces are unknown.
  let longestPiece: Int

  /// A trie: the node after each node and byte, and the token that ends at each node, or -1.
  private var children: [UInt64: Int32] = [:]
  private var tokens: [Int32] = [-1]

  init(tokens: some Sequence<(bytes: [UInt8], id: Int32)>, unknown: Int32, longestPiece: Int = 100) {
    self.unknown = unknown
    self.longestPiece = longestPiece
    for (bytes, id) in tokens where !bytes.isEmpty {
      var node: Int32 = 0
      for byte in bytes {
        let key = Self.key(node, byte)
        if let child = children[key] {
          node = child
        } else {
          node = Int32(self.tokens.count)
          children[key] = node
          self.tokens.append(-1)
        }
      }
      self.tokens[Int(node)] = id
    }
  }

  func encode(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
    let before = ids.count
    var start = piece.count > longestPiece ? -1 : 0
    while start >= 0 && start < piece.count {
      var longest: (id: Int32, end: Int) = (-1, -1)
      var node: Int32 = 0
      var place = start
      while place < piece.count, let child = children[Self.key(node, piece[place])] {
        node = child
        place += 1
        if tokens[Int(node)] >= 0 { longest = (tokens[Int(node)], place) }
      }
      if longest.id >= 0 { ids.append(longest.id) }
      start = longest.end
    }
    if start < 0 {
      ids.removeLast(ids.count - before)
      ids.append(unknown)
    }
  }

  private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 { UInt64(node) << 8 | UInt64(byte) }
}
