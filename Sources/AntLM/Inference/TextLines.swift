import Files
import Foundation

/// The lines of a text file that is to be read whole.
public struct TextLines: Sendable {
  /// A line that is not blank, and its number, from 1.
  public struct Line: Sendable, Equatable {
    public var number: Int
    public var text: String
  }

  public let lines: [Line]

  /// - Throws: ``TextFileError`` for a file that is missing, empty, binary or not UTF-8.
  public init(_ path: String) throws {
    guard !path.isEmpty else { throw FileError("read", "''", code: ENOENT) }
    let data = try FileSystem.read(URL(filePath: path))
    guard !data.contains(0) else { throw TextFileError.binary(path: path) }
    var lines: [Line] = []
    for (index, bytes) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw TextFileError.invalid(path: path, line: index + 1)
      }
      let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
      if !trimmed.isEmpty { lines.append(Line(number: index + 1, text: trimmed)) }
    }
    guard !lines.isEmpty else { throw TextFileError.empty(path: path) }
    self.lines = lines
  }
}

/// A file that is not the text it should be. Each description is one line: what, where, what to do.
public enum TextFileError: Error, Equatable, Sendable, CustomStringConvertible {
  case binary(path: String)
  case invalid(path: String, line: Int)
  case empty(path: String)
  /// A folder without files of the kind.
  case noFiles(path: String, kind: String)
  /// A line that is not what such a file holds.
  case line(path: String, line: Int, expected: String)

  public var description: String {
    switch self {
    case .binary(let path): "\(path) is not a text file (it holds zero bytes); give a UTF-8 text"
    case .invalid(let path, let line):
      "\(path), line \(line): not valid UTF-8; convert the file, for example with iconv"
    case .empty(let path): "\(path) has no text; give a file with at least one line"
    case .noFiles(let path, let kind): "\(path) has no *\(kind) files; name the files or another folder"
    case .line(let path, let line, let expected): "\(path), line \(line): \(expected)"
    }
  }
}
