import AntFiles
import Foundation

/// The right to write into a run directory, held by one process at a time.
///
/// A `flock` on the file `lock`: the system gives it back when the process ends, however it ends, so a killed
/// run leaves no stale lock behind. The file itself is only there to be locked and to tell who holds it.
package final class RunLock: Sendable {
  private let url: URL
  private let descriptor: Int32

  /// - Throws: ``RunError/locked(path:holder:)`` where another process holds it.
  package init(in folder: URL) throws {
    url = folder.appending(path: "lock")
    while true {
      let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw FileError("write", url.path) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let holder = try? String(contentsOf: url, encoding: .utf8)
        close(descriptor)
        throw RunError.locked(
          path: folder.path, holder: holder?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "")
      }
      // The holder before us may have removed the file after we opened it: then ours is a lock on nothing.
      var mine = stat()
      var named = stat()
      if fstat(descriptor, &mine) == 0, stat(url.path, &named) == 0, mine.st_ino == named.st_ino {
        self.descriptor = descriptor
        break
      }
      close(descriptor)
    }
    ftruncate(descriptor, 0)
    let text = "\(getpid())\n"
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit {
    unlink(url.path)
    close(descriptor)
  }
}
