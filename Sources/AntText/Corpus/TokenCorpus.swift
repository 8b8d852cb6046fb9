import AntFiles
import Foundation

/// Text as one stream of tokens: every line that is not blank is `<s>` tokens `</s>`.
///
/// With a cache folder the tokens are encoded once and mapped from a file afterwards. The file is found by a
/// hash of text and tokenizer: a change of either finds another, and a damaged file is made anew.
public final class TokenCorpus: Sendable {
  private enum Storage {
    case memory([UInt8])
    case mapped(MappedFile)
  }

  private let storage: Storage
  private let width: Int
  /// Tokens in the stream.
  public let count: Int
  /// Names text and tokenizer: equal for equal streams.
  public let checksum: String
  /// Whether the tokens were found in the cache.
  public let wasCached: Bool

  /// - Parameters:
  ///   - paths: text files, and folders of them.
  ///   - cacheDirectory: where encoded text is kept; made if missing. Without it, or where it cannot be written, tokens
  ///     stay in memory.
  ///   - threads: encoders at work; all cores by default. Tokens do not depend on it.
  /// - Throws: ``CorpusError`` or `FileError`
  public init(
    _ paths: [String], tokenizer: Tokenizer, cacheDirectory: URL? = nil,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws {
    let files = try TextFiles(paths)
    let key = Self.key(of: files, tokenizer: tokenizer, version: TokenCache.version)
    checksum = key.description
    width = CorpusEncoder.width(tokenizer)
    let url = cacheDirectory.map { TokenCache.url(in: $0, key: key) }
    if let url, let file = TokenCache.open(url, key: key, width: width) {
      storage = .mapped(file)
      count = (file.bytes.count - TokenCache.headerSize) / width
      wasCached = true
      return
    }
    let tokens = CorpusEncoder(tokenizer, threads: threads).encode(files)
    guard !tokens.isEmpty else { throw CorpusError.empty(paths: paths) }
    wasCached = false
    count = tokens.count / width
    guard let url else {
      storage = .memory(tokens)
      return
    }
    do {
      try TokenCache.write(tokens, width: width, key: key, to: url)
    } catch let error as FileError {
      Notices.say("tokens are not kept for the next time: \(error)")
    }
    storage = TokenCache.open(url, key: key, width: width).map { .mapped($0) } ?? .memory(tokens)
  }

  private static func key(of files: TextFiles, tokenizer: Tokenizer, version: UInt32) -> ContentHash {
    var key = ContentHash()
    key.combine(UInt64(version))
    for entry in files.entries { key.combine(entry.file.bytes) }
    tokenizer.json.withUnsafeBytes { key.combine($0) }
    return key
  }

  /// The checksum of a text before ``TokenCache/version`` 2, and whether its tokens were the same then: a byte order
  /// mark was text.
  ///
  /// - Throws: ``CorpusError`` or `FileError`
  package static func former(
    _ paths: [String], tokenizer: Tokenizer
  ) throws -> (checksum: String, isReadAlike: Bool) {
    let files = try TextFiles(paths)
    return (
      key(of: files, tokenizer: tokenizer, version: 1).description, files.entries.allSatisfy { $0.start == 0 }
    )
  }

  /// Lines that are there already, as a file of them would be read.
  public convenience init(lines: some Sequence<String>, tokenizer: Tokenizer) {
    let specials = tokenizer.specials
    self.init(
      lines.lazy.filter { !$0.isBlank }.flatMap { line in
        [specials.beginning] + tokenizer.encode(line, recognizingSpecials: false) + [specials.end]
      })
  }

  /// A stream that is there already, such as one made by ``Tokenizer/encode(_:)``.
  public init(_ tokens: [Int32]) {
    width = 4
    count = tokens.count
    wasCached = false
    let bytes = tokens.flatMap { token in withUnsafeBytes(of: token.littleEndian) { Array($0) } }
    storage = .memory(bytes)
    var hash = ContentHash()
    bytes.withUnsafeBytes { hash.combine($0) }
    checksum = hash.description
  }

  /// The tokens at `range` of the stream.
  public func tokens(_ range: Range<Int>) -> [Int32] {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "TokenCorpus: tokens \(range) of \(count)")
    return withBytes { bytes in
      range.map { place in
        width == 2
          ? Int32(bytes.loadUnaligned(fromByteOffset: 2 * place, as: UInt16.self).littleEndian)
          : Int32(bytes.loadUnaligned(fromByteOffset: 4 * place, as: Int32.self).littleEndian)
      }
    }
  }

  private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    switch storage {
    case .memory(let bytes): bytes.withUnsafeBytes { body($0) }
    case .mapped(let file): body(UnsafeRawBufferPointer(rebasing: file.bytes[TokenCache.headerSize...]))
    }
  }
}
