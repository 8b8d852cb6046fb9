import Foundation

/// A file written beside its name and put in its place when it is complete: until then, and if anything fails,
/// what was there stays.
///
/// Where the name is a link, what it points at is replaced and the link stays. A device or a pipe cannot be
/// replaced: it is written to as it is.
public final class OutputFile {
  private let url: URL
  /// Where the bytes go until the file is complete; nil where they go to the name itself.
  private let partial: URL?
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private var size = 0
  private let writeback = Writeback()
  private var startedSize = 0
  /// Bytes after which the disk is set to work in the background.
  private static let writebackLength = 1 << 26

  /// - Throws: ``FileError``, as every method does.
  public init(_ url: URL) throws {
    self.url = url.absoluteURL.standardizedFileURL.resolvingSymlinksInPath()
    if FileSystem.isFolder(self.url) { throw FileError("write", url.path, code: EISDIR) }
    var status = stat()
    if stat(self.url.path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      partial = nil
      descriptor = open(self.url.path, O_WRONLY | O_CLOEXEC)
    } else {
      // Two writers of one file at once do not share a temporary name.
      let name = ".\(self.url.lastPathComponent).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
      let partial = self.url.deletingLastPathComponent().appending(path: name)
      self.partial = partial
      descriptor = open(partial.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else { throw FileError("write", url.path) }
  }

  deinit {
    guard descriptor >= 0 else { return }
    _ = writeback.wait()
    close(descriptor)
    if let partial { unlink(partial.path) }
  }

  /// Appends a text; a short one waits in memory for more.
  public func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= 1 << 16 { try flush() }
  }

  /// Appends bytes.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    try flush()
    try FileSystem.write(bytes, to: descriptor, path: url.path)
    size += bytes.count
    if partial != nil, size - startedSize >= Self.writebackLength {
      writeback.start(descriptor)
      startedSize = size
    }
  }

  /// Appends bytes.
  public func write(_ data: Data) throws {
    try data.withUnsafeBytes { try write($0) }
  }

  /// Writes over the first bytes of the file.
  public func replaceBeginning(with data: Data) throws {
    try flush()
    precondition(data.count <= size, "OutputFile: \(data.count) bytes over \(size)")
    let written = data.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    guard written == data.count else { throw FileError("write", url.path) }
  }

  /// Puts the file in its place, on the disk. Gives its size in bytes.
  @discardableResult
  public func finish() throws -> Int {
    try flush()
    if let partial {
      let failure = writeback.wait()
      guard failure == 0 else { throw FileError("write", url.path, code: failure) }
      guard fsync(descriptor) == 0 else { throw FileError("write", url.path) }
      try FileSystem.rename(partial, to: url)
    }
    close(descriptor)
    descriptor = -1
    if partial != nil { try FileSystem.synchronize(url.deletingLastPathComponent()) }
    return size
  }

  private func flush() throws {
    guard !buffer.isEmpty else { return }
    try buffer.withUnsafeBytes { try FileSystem.write($0, to: descriptor, path: url.path) }
    size += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}
