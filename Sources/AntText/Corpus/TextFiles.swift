import AntFiles
import Foundation

/// Text to read: files, and all the files in folders.
struct TextFiles: Sendable {
  struct Entry: Sendable {
    var path: String
    var file: MappedFile
    /// The offset at which the text begins.
    var start: Int { TextLayout.start(of: file.units) }
  }

  let entries: [Entry]

  /// With more files than this they are read and not mapped: a process may have some 65,000 maps.
  private static let mostMaps = 10_000

  /// Opens and checks every file: text has no NUL and is well-formed UTF-8.
  ///
  /// - Parameter paths: `-` is standard input; a folder stands for its files, sorted, those that begin with a dot left out; what it holds
  ///   beside files is left out with a notice.
  /// - Throws: ``CorpusError`` or `FileError`
  init(_ paths: [String]) throws {
    guard !paths.isEmpty else { throw CorpusError.noFiles(path: "") }
    guard !paths.contains("") else { throw CorpusError.missing(path: "''") }
    let files = try paths.flatMap { try Self.expand(SystemPath(reading: $0)) }
    entries = try files.map { path in
      let file = try MappedFile(path, isMapped: files.count <= Self.mostMaps)
      try Self.check(file.units, path: "\(path)")
      return Entry(path: "\(path)", file: file)
    }
  }

  private static func expand(_ path: SystemPath) throws -> [SystemPath] {
    switch path.kind {
    case nil: throw errno == ENOENT ? CorpusError.missing(path: "\(path)") : FileError("read", "\(path)")
    case .folder?: break
    case .file?, .other?: return [path]
    }
    let files = try FileSystem.files(in: path)
    guard !files.isEmpty else { throw CorpusError.noFiles(path: "\(path)") }
    return files
  }

  /// Refuses NUL bytes and malformed UTF-8, naming the first.
  static func check(_ bytes: UnsafeBufferPointer<UInt8>, path: String) throws {
    if let encoding = TextLayout.otherEncoding(of: bytes) {
      throw CorpusError.encoding(path: path, encoding: encoding)
    }
    var position = 0
    let count = bytes.count
    while position < count {
      // Eight ASCII bytes at a time, none of them NUL.
      if position + 8 <= count {
        let word = UnsafeRawPointer(bytes.baseAddress! + position).loadUnaligned(as: UInt64.self)
        let zeros = (word &- 0x0101_0101_0101_0101) & ~word
        if (word | zeros) & 0x8080_8080_8080_8080 == 0 {
          position += 8
          continue
        }
      }
      let byte = bytes[position]
      if byte == 0 {
        throw CorpusError.binary(path: path, line: line(bytes, of: position), offset: position)
      }
      if byte < 0x80 {
        position += 1
      } else if UTF8Scan.scalar(bytes, at: position, end: count) != nil {
        position += byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
      } else {
        throw CorpusError.invalidUTF8(path: path, line: line(bytes, of: position), offset: position)
      }
    }
  }

  /// Lines count from 1.
  private static func line(_ bytes: UnsafeBufferPointer<UInt8>, of offset: Int) -> Int {
    1 + bytes[..<offset].lazy.filter { $0 == 0x0A }.count
  }
}
