import Foundation

/// A file written beside its name and put in its place when it is complete: until then, and if anything fails,
/// what was there stays.
public final class ReplacedFile {
  private let url: URL
  private let partial: URL
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private var written = 0

  /// - Throws: ``FileError``
  public init(_ path: String) throws {
    // Where the name is a link, what it points at is replaced and the link stays.
    url = URL(filePath: path).absoluteURL.standardizedFileURL.resolvingSymlinksInPath()
    if FileSystem.isFolder(url) { throw FileError("write", path, code: EISDIR) }
    partial = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).partial-\(getpid())")
    descriptor = open(partial.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError("write", path) }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(partial.path)
  }

  public func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= 1 << 16 { try flush() }
  }

  /// Puts the file in its place. Gives its size in bytes.
  public func finish() throws -> Int {
    try flush()
    guard fsync(descriptor) == 0 else { throw FileError("write", url.path) }
    try FileSystem.rename(partial, to: url)
    close(descriptor)
    descriptor = -1
    try FileSystem.synchronize(url.deletingLastPathComponent())
    return written
  }

  private func flush() throws {
    try FileSystem.write(Data(buffer), to: descriptor, path: url.path)
    written += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}
