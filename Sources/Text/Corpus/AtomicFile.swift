import Foundation

/// What the system said about a call that failed.
struct SystemError: Error, Equatable, CustomStringConvertible {
  var code: Int32 = errno

  var description: String { String(cString: strerror(code)) }
}

/// A file that appears under its name only when it is whole and on the disk.
struct AtomicFile: ~Copyable {
  private let descriptor: Int32

  /// - Throws: ``SystemError``, or what `body` throws; nothing is left behind then.
  static func write(to url: URL, _ body: (borrowing AtomicFile) throws -> Void) throws {
    // Two processes that write the same file at once do not share a temporary name.
    let partial = url.deletingLastPathComponent()
      .appending(path: ".\(url.lastPathComponent).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial").path
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw SystemError() }
    do {
      do {
        defer { close(descriptor) }
        try body(AtomicFile(descriptor: descriptor))
        guard fsync(descriptor) == 0 else { throw SystemError() }
      }
      guard rename(partial, url.path) == 0 else { throw SystemError() }
      // The name is on the disk only when its folder is.
      let folder = open(url.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard folder >= 0 else { throw SystemError() }
      defer { close(folder) }
      guard fsync(folder) == 0 else { throw SystemError() }
    } catch {
      unlink(partial)
      throw error
    }
  }

  /// Appends `bytes`.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError()
      }
      rest = rest.dropFirst(count)
    }
  }
}
