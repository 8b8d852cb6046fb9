import Foundation

/// A file written beside its name and put in its place when it is complete: until then, and if anything fails,
/// what was there stays.
///
/// Where the name is a link, what it points at is replaced and the link stays. A device or a pipe cannot be
/// replaced: it is written to as it is. A file that is a mount of its own keeps its place: it gets the contents.
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
    var status = stat()
    let isThere = stat(url.path, &status) == 0
    // Such as links that lead round in a circle.
    guard isThere || errno == ENOENT else { throw FileError("write", url.path) }
    guard !url.hasDirectoryPath, !isThere || status.st_mode & S_IFMT != S_IFDIR else {
      throw FileError("write", url.path, code: EISDIR)
    }
    if isThere, status.st_mode & S_IFMT != S_IFREG {
      self.url = url
      partial = nil
      descriptor = open(url.path, O_WRONLY | O_CLOEXEC)
    } else {
      self.url = FileSystem.resolvingLinks(url)
      // Two writers of one file at once do not share a temporary name, which must not be too long where the name is not.
      let beginning = String(self.url.lastPathComponent.unicodeScalars.prefix(40))
      let name = ".\(beginning).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
      let partial = self.url.deletingLastPathComponent().appending(path: name)
      self.partial = partial
      descriptor = Self.create(partial.path)
    }
    guard descriptor >= 0 else { throw FileError("write", url.path) }
  }

  /// Makes a new file. Where the file system cannot promise that it is new, its name does.
  private static func create(_ path: String) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor < 0, [EINVAL, ENOSYS, EOPNOTSUPP].contains(errno) else { return descriptor }
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
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
      try FileSystem.synchronize(descriptor, path: url.path)
      do {
        try FileSystem.rename(partial, to: url)
      } catch let error as FileError where [EXDEV, EBUSY].contains(error.code) {
        try copyContents()
        unlink(partial.path)
      }
    }
    close(descriptor)
    descriptor = -1
    if partial != nil { try FileSystem.synchronize(url.deletingLastPathComponent()) }
    return size
  }

  /// Gives the file at the name the contents, where that file cannot be replaced.
  private func copyContents() throws {
    let target = open(url.path, O_WRONLY | O_TRUNC | O_CLOEXEC)
    guard target >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw FileError("write", url.path) }
    defer { close(target) }
    let contents = try FileSystem.read(descriptor, path: url.path)
    try contents.withUnsafeBytes { try FileSystem.write($0, to: target, path: url.path) }
    try FileSystem.synchronize(target, path: url.path)
  }

  private func flush() throws {
    guard !buffer.isEmpty else { return }
    try buffer.withUnsafeBytes { try FileSystem.write($0, to: descriptor, path: url.path) }
    size += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}
