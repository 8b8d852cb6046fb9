import Foundation

/// A file operation that failed, with the system's reason.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `read`, `write`, `rename`, …
  public var action: String
  public var path: String
  /// The system's number for what went wrong.
  public var code: Int32

  public init(_ action: String, _ path: String, code: Int32 = errno) {
    self.action = action
    self.path = path
    self.code = code
  }

  /// What the system says of the number.
  public var reason: String { String(cString: strerror(code)) }

  public var description: String {
    let advice =
      switch code {
      case ENOSPC, EDQUOT: "free some space and try again"
      case EFBIG: "the limit on file sizes (ulimit -f) is too low"
      case ENOENT: "check the path"
      case EPIPE, EBADF: "nobody is there to use it"
      case EACCES, EPERM, EROFS: "check its permissions or choose another place"
      case ENOTDIR, EISDIR: "check whether it should be a file or a folder"
      default: "check the path and the disk"
      }
    return "cannot \(action) \(path): \(reason); \(advice)"
  }
}
