/// Why text cannot be read.
public enum CorpusError: Error, Equatable, Sendable, CustomStringConvertible {
  case missing(path: String)
  /// No file named, or a folder without any.
  case noFiles(path: String)
  case empty(paths: [String])
  case binary(path: String, line: Int, offset: Int)
  /// Another encoding of Unicode, such as UTF-16.
  case encoding(path: String, encoding: String)
  case invalidUTF8(path: String, line: Int, offset: Int)

  public var description: String {
    switch self {
    case .missing(let path): "no file or folder at \(path); check the path"
    case .noFiles(let path):
      path.isEmpty
        ? "no text files named; name a file or folder"
        : "no files in \(path) itself; name the folders in it, or put text files there"
    case .empty(let paths):
      "no text in \(paths.joined(separator: ", ")): every line is blank; name a file with text in it"
    case .binary(let path, let line, let offset):
      "\(path), line \(line), byte \(offset): a NUL byte, so this is no UTF-8 text; name such files only, or convert it with iconv"
    case .encoding(let path, let encoding):
      "\(path) is in \(encoding); convert it, e.g. with `iconv -f \(encoding) -t UTF-8`"
    case .invalidUTF8(let path, let line, let offset):
      "\(path), line \(line), byte \(offset): not UTF-8; convert the file, e.g. with `iconv -t UTF-8`"
    }
  }
}
