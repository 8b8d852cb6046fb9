import Foundation

/// A file operation that failed, with the system's reason and what can be done about that.
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

  /// What helps against it.
  public var advice: String { Self.advice[code] ?? "check the path and the disk" }

  public var description: String { "cannot \(action) \(path): \(reason); \(advice)" }

  private static let advice: [Int32: String] = [
    ENOENT: "check the path",
    ENOTDIR: "what the path takes for a folder is none; check the path",
    EISDIR: "it is a folder; name a file",
    ELOOP: "its links lead round in a circle; mend them",
    ENAMETOOLONG: "choose a shorter name",
    EILSEQ: "a name in its path is not UTF-8; rename that, or reach it by a link with another name",
    EEXIST: "something of that name is there; move it away or choose another name",
    ENOTEMPTY: "the folder is not empty; move what is in it away",
    EACCES: "check its permissions or choose another place",
    EPERM: "check its permissions or choose another place",
    EROFS: "nothing can be written there; choose another place",
    ENOSPC: "free some space and try again",
    EDQUOT: "your share of the disk is used up; free some space and try again",
    EFBIG: "the limit on file sizes (ulimit -f) is too low, or the disk has one of its own",
    EMFILE: "raise the limit on open files (ulimit -n)",
    ENFILE: "the whole system has too many files open; try again when there are fewer",
    ENOMEM: "too little memory is free; try again when there is more",
    EBUSY: "another program uses it; try again when it has ended",
    ETXTBSY: "another program uses it; try again when it has ended",
    EXDEV: "choose a place on one file system",
    EINVAL: "what it is or where it lies does not allow this; name another",
    ENOSYS: "the file system cannot do this; choose another place",
    EOPNOTSUPP: "the file system cannot do this; choose another place",
    ENOLCK: "the file system has no locks; choose another place",
    ENODEV: "the device behind it cannot do this; name another",
    ENXIO: "nothing is behind it; name another",
    EIO: "the disk fails; check it, and copy from it what you can",
    ESTALE: "its file server has lost it; try again, or mount that anew",
    ETIMEDOUT: "its file server does not answer; try again later",
    ENOTCONN: "its file system has gone away; mount it anew",
    EPIPE: "nobody is there to use it",
    EBADF: "nobody is there to use it",
  ]
}
