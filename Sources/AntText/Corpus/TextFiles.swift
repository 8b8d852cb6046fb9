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

  /// Opens and checks every file: text has no NUL and is well-formed UTF-8.
  ///
  /// - Parameter paths: a folder stands for its regular files, sorted, those that begin with a dot left out.
  /// - Throws: ``CorpusError``
  init(_ paths: [String]) throws {
    guard !paths.isEmpty else { throw CorpusError.noFiles(path: "") }
    guard !paths.contains("") else { throw CorpusError.missing(path: "''") }
    entries = try paths.flatMap { try Self.expand($0) }.map { path in
      let file: MappedFile
      do {
        file = try MappedFile(path)
      } catch let error as FileError {
        throw error.code == ENOENT
          ? CorpusError.missing(path: path)
          : CorpusError.unreadable(path: path, reason: error.reason)
      }
      try Self.check(file.units, path: path)
      return Entry(path: path, file: file)
    }
  }

  private static func expand(_ path: String) throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw CorpusError.missing(path: path)
    }
    guard isFolder.boolValue else { return [path] }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw CorpusError.unreadable(path: path, reason: String(cString: strerror(EACCES)))
    }
    let files = names.filter { !$0.hasPrefix(".") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      .map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
      .filter { isRegular($0) }
    guard !files.isEmpty else { throw CorpusError.noFiles(path: path) }
    return files
  }

  private static func isRegular(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
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
