import Foundation

/// Files that a program keeps under names of its own, in the folder of a run or a model. What else may have such a name
/// is refused: a pipe would be waited at for ever.
///
/// Every method throws ``FileError``, or ``FileKindError`` where the name is no file's.
extension FileSystem {
  /// All bytes of a file.
  public static func read(own url: URL) throws -> Data {
    let descriptor = try open(own: url, O_RDONLY)
    defer { close(descriptor) }
    return try read(descriptor, path: url.path)
  }

  /// Opens a file.
  ///
  /// - Parameter flags: as `open` takes them.
  public static func open(own url: URL, _ flags: Int32) throws -> Int32 {
    // Without waiting for the other end of a pipe; a file is read and written as ever.
    let descriptor = Foundation.open(url.path, flags | O_CLOEXEC | O_NONBLOCK, 0o666)
    guard descriptor >= 0 else {
      let error = FileError(flags & O_ACCMODE == O_RDONLY ? "read" : "write", url.path)
      guard [EISDIR, ENXIO].contains(error.code) else { throw error }
      throw FileKindError(path: url.path)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FileKindError(path: url.path)
    }
    return descriptor
  }
}

/// A name that should be a file's and is that of something else, in one line: what, where, what to do.
public struct FileKindError: Error, Equatable, Sendable, CustomStringConvertible {
  public var path: String
  /// What is there.
  public var found: String

  /// Looks at what is there.
  public init(path: String) {
    self.path = path
    found = SystemPath(path).kind == .folder ? "a folder" : "a pipe or a device"
  }

  public var description: String {
    "\(path.onOneLine) is \(found) where a file belongs; move it away, and put the file back if there was one"
  }
}
