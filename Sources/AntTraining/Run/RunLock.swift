import AntFiles
import Foundation

/// The right to write into a run directory, held by one process at a time.
///
/// A ``FileLock`` on the file `lock`: the system gives it back when the process ends, however it ends, so a killed
/// run leaves no stale lock behind. The file itself is only there to be locked and to tell who holds it. Where the file
/// system has no locks the run goes on without.
package final class RunLock: Sendable {
  private let url: URL
  private let descriptor: Int32

  /// - Throws: ``RunError/locked(path:holder:)`` where another process holds it, or `FileError`.
  package convenience init(in folder: URL) throws {
    try self.init(in: folder) { FileLock.take($0, path: $1, waiting: false) }
  }

  /// - Parameter take: takes the lock of an open file with this path.
  init(in folder: URL, take: (Int32, String) -> FileLock.Outcome) throws {
    url = folder.appending(path: "lock")
    while true {
      let descriptor = try FileSystem.open(own: url, O_RDWR | O_CREAT)
      switch take(descriptor, url.path) {
      case .taken: break
      case .held:
        let holder = (try? FileSystem.read(own: url)).map { String(decoding: $0, as: UTF8.self) }
        close(descriptor)
        throw RunError.locked(
          path: folder.path, holder: holder?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "")
      case .unavailable(let error):
        Notices.say(
          "cannot lock \(folder.path): \(error.reason); it goes on without: let no other process write there")
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
