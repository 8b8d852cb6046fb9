import AntFiles
import Foundation

/// The lines of a text file that is to be read whole.
public struct TextLines: Sendable {
  /// A line that is not blank, and its number, from 1.
  public struct Line: Sendable, Equatable {
    public var number: Int
    public var text: String

    public init(number: Int, text: String) {
      self.number = number
      self.text = text
    }
  }

  public let lines: [Line]

  /// - Parameter path: `-` for standard input.
  /// - Throws: ``TextFileError`` for a file that is empty, binary or not UTF-8; `FileError` for one that is missing.
  public init(_ path: String) throws {
    guard !path.isEmpty else { throw FileError("read", "''", code: ENOENT) }
    try self.init(SystemPath(reading: path))
  }

  /// As ``init(_:)``, of a file whose name need not be UTF-8.
  public init(_ path: SystemPath) throws {
    lines = try Self.every(path).enumerated().compactMap { index, line in
      let trimmed = line.trimmed
      return trimmed.isEmpty ? nil : Line(number: index + 1, text: trimmed)
    }
    guard !lines.isEmpty else { throw TextFileError.empty(path: "\(path)") }
  }

  /// Every line of a file as it stands, blank ones too (see ``AntFiles/TextLayout``).
  ///
  /// - Throws: ``TextFileError`` for a file that is binary or not UTF-8; `FileError` for one that is missing.
  public static func every(_ path: String) throws -> [String] {
    guard !path.isEmpty else { throw FileError("read", "''", code: ENOENT) }
    return try every(SystemPath(reading: path))
  }

  /// As ``every(_:)``, of a file whose name need not be UTF-8.
  public static func every(_ path: SystemPath) throws -> [String] {
    let data = try FileSystem.read(path)
    let path = path.description
    if let encoding = TextLayout.otherEncoding(of: data) {
      throw TextFileError.encoding(path: path, encoding: encoding)
    }
    guard !data.contains(0) else { throw TextFileError.binary(path: path) }
    return try TextLayout.lines(of: data).enumerated().map { index, bytes in
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw TextFileError.invalid(path: path, line: index + 1)
      }
      return text
    }
  }
}

/// A file that is not the text it should be. Each description is one line: what, where, what to do.
public enum TextFileError: Error, Equatable, Sendable, CustomStringConvertible {
  case binary(path: String)
  /// Another encoding of Unicode, such as UTF-16.
  case encoding(path: String, encoding: String)
  case invalid(path: String, line: Int)
  case empty(path: String)
  /// Two texts that should correspond line by line.
  case lineCounts(path: String, lines: Int, other: String, otherLines: Int)
  /// A folder without files of the kind.
  case noFiles(path: String, kind: String)
  /// A file that is named twice and would count twice.
  case twice(path: String)
  /// A line that is not what such a file holds.
  case line(path: String, line: Int, expected: String)

  public var description: String {
    switch self {
    case .binary(let path):
      "\(path) is not a UTF-8 text (it holds zero bytes); give one, or convert it with iconv"
    case .encoding(let path, let encoding):
      "\(path) is in \(encoding); convert it, for example with iconv -f \(encoding) -t UTF-8"
    case .invalid(let path, let line):
      "\(path), line \(line): not valid UTF-8; convert the file, for example with iconv"
    case .empty(let path): "\(path) has no text; give a file with at least one line"
    case .lineCounts(let path, let lines, let other, let otherLines):
      "\(path) has \(lines) lines and \(other) \(otherLines); give two texts that correspond line by line"
    case .noFiles(let path, let kind): "\(path) has no *\(kind) files; name the files or another folder"
    case .twice(let path): "\(path) is named twice; name each file once"
    case .line(let path, let line, let expected): "\(path), line \(line): \(expected)"
    }
  }
}
