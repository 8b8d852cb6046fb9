import AntFiles
import Foundation

/// A file of tokens, little-endian:
///
///     0  "AntLMtok"                      8  version, bytes of a token (2 or 4): UInt32 each
///     16 count: UInt64                   24 key of what was encoded: 2 x UInt64
///     40 hash of the tokens: 2 x UInt64  56 hash of bytes 0..<56: UInt64
///     64 the tokens
///
/// A file that is cut short, changed, or of another version, text or tokenizer is not read.
enum TokenCache {
  static let version: UInt32 = 2
  static let headerSize = 64
  private static let magic = UInt64(littleEndian: 0x6B6F_744D_4C74_6E41)

  struct Header: Equatable {
    var width: Int
    var count: Int
    var key: ContentHash
    var content: ContentHash

    var bytes: [UInt8] {
      var words: [UInt64] = [
        magic, UInt64(version) | UInt64(width) << 32, UInt64(count), key.words.0, key.words.1,
        content.words.0, content.words.1,
      ]
      var own = ContentHash()
      for word in words { own.combine(word) }
      words.append(own.words.0)
      return words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }
  }

  /// Where the tokens of a text under a tokenizer lie.
  static func url(in folder: URL, key: ContentHash) -> URL { folder.appending(path: "\(key).tokens") }

  /// The file's contents; nil if there is no such file or it is not what it should be.
  static func open(_ url: URL, key: ContentHash, width: Int) -> MappedFile? {
    guard let file = try? MappedFile(own: url), file.bytes.count >= headerSize else { return nil }
    let count = file.bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self).littleEndian
    guard count <= UInt64(file.bytes.count), headerSize + Int(count) * width == file.bytes.count else {
      return nil
    }
    var content = ContentHash()
    content.combine(UnsafeRawBufferPointer(rebasing: file.bytes[headerSize...]))
    let expected = Header(width: width, count: Int(count), key: key, content: content)
    return file.bytes[..<headerSize].elementsEqual(expected.bytes) ? file : nil
  }

  /// - Throws: `FileError`
  static func write(_ tokens: [UInt8], width: Int, key: ContentHash, to url: URL) throws {
    var content = ContentHash()
    tokens.withUnsafeBytes { content.combine($0) }
    let header = Header(width: width, count: tokens.count / width, key: key, content: content)
    try FileSystem.makeFolder(url.deletingLastPathComponent())
    let file = try OutputFile(url)
    try header.bytes.withUnsafeBytes { try file.write($0) }
    try tokens.withUnsafeBytes { try file.write($0) }
    try file.finish()
  }
}
