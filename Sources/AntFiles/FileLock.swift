import Foundation

/// A lock on an open file, which goes when the file is closed, however the process ends.
public enum FileLock {
  public enum Outcome: Equatable, Sendable {
    case taken
    /// Another process has it.
    case held
    /// The file system has no locks, or its server does not answer for them, which says nothing of other processes.
    case unavailable(FileError)
  }

  /// Takes the lock of `descriptor`.
  ///
  /// - Parameters:
  ///   - path: what errors call the file.
  ///   - waiting: whether to wait until another process gives it back.
  public static func take(_ descriptor: Int32, path: String, waiting: Bool) -> Outcome {
    take(path: path) { flock(descriptor, LOCK_EX | (waiting ? 0 : LOCK_NB)) }
  }

  static func take(path: String, _ lock: () -> Int32) -> Outcome {
    while lock() != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: return .held
      default: return .unavailable(FileError("lock", path))
      }
    }
    return .taken
  }
}
