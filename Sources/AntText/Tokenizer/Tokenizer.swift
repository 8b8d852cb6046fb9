import AntFiles
import Foundation

/// A tokenizer over bytes: byte-pair encoding or WordPiece.
///
/// Text is cut into pieces (see ``Segmentation``), and each piece into tokens by the model (``BytePairEncoding``,
/// ``WordPiece``). Ids agree with Hugging Face `tokenizers` reading the same tokenizer.json.
public struct Tokenizer: Sendable {
  /// A token found in text by its name before anything else is done.
  struct AddedToken: Sendable, Equatable {
    var id: Int32
    var content: String
    /// Swallows whitespace on its left, on its right.
    var stripsLeft = false
    var stripsRight = false
    var isSpecial = true
    /// Found after the text was normalized, in its own normalized form; else before.
    var isNormalized = false
  }

  public let specials: SpecialTokens
  /// One more than the greatest id.
  public let vocabularySize: Int
  let added: [AddedToken]
  let segmentation: Segmentation
  let model: any SubwordModel
  let template: TokenTemplate
  /// Find added tokens one after the other, each in what the one before left over.
  private let scans: [AddedTokenScan]
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

  /// - Parameters:
  ///   - tokens: the bytes each id stands for.
  ///   - json: the file that says all this.
  init(
    tokens: [[UInt8]], model: any SubwordModel, segmentation: Segmentation, template: TokenTemplate,
    added: [AddedToken], specials: SpecialTokens, json: [UInt8]
  ) {
    self.model = model
    self.segmentation = segmentation
    self.template = template
    self.added = added
    self.specials = specials
    self.json = json
    scans = [
      AddedTokenScan(added.filter { !$0.isNormalized }, normalizer: Normalizer()),
      AddedTokenScan(added.filter(\.isNormalized), normalizer: segmentation.normalizer),
    ]
    vocabularySize = tokens.count
    tokenBytes = Array(tokens.joined())
    var starts = [0]
    for token in tokens { starts.append(starts[starts.count - 1] + token.count) }
    tokenStarts = starts
  }

  /// What a piece becomes that the vocabulary cannot express; nil where it can express all.
  public var unknown: Int32? { (model as? WordPiece)?.unknown }

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

  /// The text that ``encode(_:recognizingSpecials:addingSpecials:)`` was given: without the space that it puts first.
  public func decodeText(_ ids: some Sequence<Int32>, skippingSpecials: Bool = false) -> String {
    let bytes = decodeBytes(ids, skippingSpecials: skippingSpecials)
    let hasSpace = segmentation.addsPrefixSpace && bytes.first == UInt8(ascii: " ")
    return String(decoding: bytes.dropFirst(hasSpace ? 1 : 0), as: UTF8.self)
  }

  /// The tokens of a text with blanks: a mask takes the place of a word with the space before it, whether or not
  /// the tokenizer's mask swallows that space by itself.
  ///
  /// - Throws: ``TokenizerError/noMask``
  public func encodeBlanks(_ text: String) throws -> [Int32] {
    let mask = try requireMask()
    let parts = Array(text.utf8).split(separator: bytes(of: mask), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    let trimmed = parts.dropLast().map(\.withoutTrailingSpace)
    return (trimmed + parts.suffix(1)).enumerated().reduce(into: []) { ids, part in
      if part.offset > 0 { ids.append(mask) }
      // What follows a mask goes on with the text: no space is due there.
      ids += encode(Array(part.element.utf8), recognizingSpecials: true, beginsText: part.offset == 0)
    }
  }

  /// The tokens of a text. The names of special tokens in it, such as `[MASK]`, become these.
  ///
  /// - Parameters:
  ///   - recognizingSpecials: false for text that is data, such as sentences to score.
  ///   - addingSpecials: whether the tokens are added that the tokenizer puts around a text, such as `<s>`.
  public func encode(
    _ text: String, recognizingSpecials: Bool = true, addingSpecials: Bool = false
  ) -> [Int32] {
    encode(Array(text.utf8), recognizingSpecials: recognizingSpecials, addingSpecials: addingSpecials)
  }

  /// The tokens of bytes, UTF-8 or not.
  ///
  /// - Parameter recognizingSpecials: false for text that is not to be trusted with special tokens.
  public func encode(
    _ bytes: [UInt8], recognizingSpecials: Bool = true, addingSpecials: Bool = false
  ) -> [Int32] {
    let ids = encode(bytes, recognizingSpecials: recognizingSpecials, beginsText: true)
    return addingSpecials ? template(ids) : ids
  }

  /// - Parameter beginsText: false for text that goes on from other text.
  private func encode(_ bytes: [UInt8], recognizingSpecials: Bool, beginsText: Bool) -> [Int32] {
    var parts = [AddedTokenScan.Part.text(bytes)]
    for scan in recognizingSpecials ? scans : [] {
      parts = parts.flatMap { part in
        if case .text(let text) = part { scan.parts(of: text) } else { [part] }
      }
    }
    var ids: [Int32] = []
    var encoder = PieceEncoder(self)
    for (index, part) in parts.enumerated() {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let text):
        text.withUnsafeBufferPointer {
          encoder.encode($0, in: 0..<$0.count, beginsText: beginsText || index > 0, into: &ids)
        }
      }
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
