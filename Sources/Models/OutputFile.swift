import Foundation

/// A file being written, every failure a ``SafeTensorsError``.
final class OutputFile {
  private let path: String
  private var descriptor: Int32

  init(_ file: URL) throws {
    path = file.path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    if descriptor < 0 { throw failure() }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while let address = rest.baseAddress, rest.count > 0 {
      // One call takes less than 2 GiB.
      let written = Foundation.write(descriptor, address, min(rest.count, 1 << 30))
      if written < 0 {
        if errno == EINTR { continue }
        throw failure()
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  /// Waits for the disk and closes the file.
  func finish() throws {
    if fsync(descriptor) != 0 { throw failure() }
    defer { descriptor = -1 }
    if close(descriptor) != 0 { throw failure() }
  }

  /// Removes what was written so far; a device or a pipe is left alone.
  func discard() {
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG { unlink(path) }
  }

  private func failure() -> SafeTensorsError {
    .cannotWrite(file: path, reason: String(cString: strerror(errno)).lowercased())
  }
}
