import Foundation

/// A byte-level BPE tokenizer (Sennrich et al. 2016; Radford et al. 2019).
///
/// Text is cut into pieces (see ``PreTokenizer``), a piece into bytes, and pairs of tokens are merged in the
/// order they were learnt. All 256 bytes are tokens, so that any bytes are encoded and decoded back exactly.
/// Ids agree with Hugging Face `tokenizers` reading the same tokenizer.json.
public struct Tokenizer: Sendable {
  /// A token found in text by its name before anything else is done.
  struct AddedToken: Sendable, Equatable {
    var id: Int32
    var content: String
    /// Swallows whitespace on its left, on its right.
    var stripsLeft = false
    var stripsRight = false
    var isSpecial = true
  }

  public let specials: SpecialTokens
  /// One more than the greatest id.
  public let vocabularySize: Int
  let merges: MergeTable
  let added: [AddedToken]
  /// Whether a text that begins with no space is given one.
  let addsPrefixSpace: Bool
  /// Pieces that are tokens as they stand, where these go before merges; else empty.
  let wholePieces: [[UInt8]: Int32]
  /// The id of each byte.
  let byteIDs: [Int32]
  /// The bytes of all tokens, by id, one after another.
  private let tokenBytes: [UInt8]
  private let tokenStarts: [Int]
  /// The tokenizer.json this was read from; what ``write(to:)`` writes.
  let json: [UInt8]

  /// Names the tokenizer: equal for equal files.
  public var checksum: String {
    var hash = ContentHash()
    json.withUnsafeBytes { hash.combine($0) }
    return hash.description
  }

  /// - Parameter tokens: the bytes each id stands for.
  init(
    tokens: [[UInt8]], byteIDs: [Int32], merges: [MergeTable.Merge], added: [AddedToken],
    specials: SpecialTokens, addsPrefixSpace: Bool = false, ignoresMerges: Bool = false,
    json: [UInt8]? = nil
  ) {
    self.merges = MergeTable(merges)
    self.added = added
    self.specials = specials
    self.addsPrefixSpace = addsPrefixSpace
    self.byteIDs = byteIDs
    vocabularySize = tokens.count
    tokenBytes = Array(tokens.joined())
    var starts = [0]
    for token in tokens { starts.append(starts[starts.count - 1] + token.count) }
    tokenStarts = starts
    if ignoresMerges {
      let names = Set(added.map(\.id))
      wholePieces = Dictionary(
        tokens.enumerated().filter { !names.contains(Int32($0.offset)) && !$0.element.isEmpty }
          .map { ($0.element, Int32($0.offset)) }, uniquingKeysWith: { first, _ in first })
    } else {
      wholePieces = [:]
    }
    self.json =
      json ?? TokenizerFile.json(tokens: tokens, merges: merges, added: added, prefixSpace: addsPrefixSpace)
  }

  /// The bytes that a token stands for: the name of a special token, nothing for an id without a token.
  public func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard id >= 0 && id < vocabularySize else { return [] }
    return tokenBytes[tokenStarts[Int(id)]..<tokenStarts[Int(id) + 1]]
  }

  /// The bytes of a text; ids outside the vocabulary stand for nothing.
  ///
  /// - Parameter skippingSpecials: leaves out the names of special tokens.
  public func decodeBytes(_ ids: some Sequence<Int32>, skippingSpecials: Bool = false) -> [UInt8] {
    let hidden = skippingSpecials ? Set(specials.ids) : []
    var bytes: [UInt8] = []
    for id in ids where !hidden.contains(id) { bytes.append(contentsOf: self.bytes(of: id)) }
    return bytes
  }

  /// A text; bytes that are no UTF-8 become U+FFFD.
  public func decode(_ ids: some Sequence<Int32>, skippingSpecials: Bool = false) -> String {
    String(decoding: decodeBytes(ids, skippingSpecials: skippingSpecials), as: UTF8.self)
  }

  /// The tokens of a text, none added. The names of special tokens in it, such as `[MASK]`, become these.
  ///
  /// - Parameter recognizingSpecials: false for text that is data, such as sentences to score.
  public func encode(_ text: String, recognizingSpecials: Bool = true) -> [Int32] {
    encode(Array(text.utf8), recognizingSpecials: recognizingSpecials)
  }

  /// The tokens of bytes, UTF-8 or not.
  ///
  /// - Parameter recognizingSpecials: false for text that is not to be trusted with special tokens.
  public func encode(_ bytes: [UInt8], recognizingSpecials: Bool = true) -> [Int32] {
    var ids: [Int32] = []
    var encoder = PieceEncoder(self)
    bytes.withUnsafeBufferPointer { bytes in
      var rest = 0
      if recognizingSpecials && !added.isEmpty {
        for found in AddedTokenScan(added).matches(in: bytes) {
          encoder.encode(bytes, in: rest..<found.range.lowerBound, beginsText: true, into: &ids)
          ids.append(found.id)
          rest = found.range.upperBound
        }
      }
      encoder.encode(bytes, in: rest..<bytes.count, beginsText: true, into: &ids)
    }
    return ids
  }

  /// The id of the mask token.
  ///
  /// - Throws: ``TokenizerError/noMask``
  @discardableResult
  public func requireMask() throws -> Int32 {
    guard specials.mask != SpecialTokens.absent else { throw TokenizerError.noMask }
    return specials.mask
  }
}
