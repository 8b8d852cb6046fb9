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
    return "cannot \(action) \(path): \(String(cString: strerror(code))); \(advice)"
  }
}

/// The few file operations a run directory is built from. Each is durable when it returns: contents and
/// folder entries have reached the disk.
enum FileSystem {
  /// Waits until a file's contents, or a folder's entries, are on the disk.
  static func synchronize(_ url: URL) throws {
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", url.path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError("write", url.path) }
  }

  /// Every file in `folder`, and the folder itself.
  static func synchronizeContents(of folder: URL) throws {
    for name in try names(in: folder) { try synchronize(folder.appending(path: name)) }
    try synchronize(folder)
  }

  /// Names in `folder`, sorted, those that begin with a dot included.
  static func names(in folder: URL) throws -> [String] {
    guard let stream = opendir(folder.path) else { throw FileError("read", folder.path) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func makeFolder(_ url: URL) throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw FileError("create", url.path, code: posixCode(of: error))
    }
    try synchronize(url.deletingLastPathComponent())
  }

  static func remove(_ url: URL) throws {
    do {
      try FileManager.default.removeItem(at: url)
    } catch {
      throw FileError("remove", url.path, code: posixCode(of: error))
    }
  }

  static func read(_ url: URL) throws -> Data {
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("read", url.path) }
    defer { close(descriptor) }
    return try read(descriptor, path: url.path)
  }

  /// Everything that can be read from a descriptor: of a file, a pipe or a terminal.
  static func read(_ descriptor: Int32, path: String) throws -> Data {
    var data = Data()
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Foundation.read(descriptor, &part, part.count)
      if count == 0 { return data }
      if count > 0 {
        data.append(contentsOf: part[..<count])
      } else if errno != EINTR {
        throw FileError("read", path)
      }
    }
  }

  static func rename(_ source: URL, to destination: URL) throws {
    guard Foundation.rename(source.path, destination.path) == 0 else {
      throw FileError("rename", source.path)
    }
  }

  /// Writes `data` beside `url`, then puts it in its place: a reader sees the old file or the new one.
  static func replace(_ url: URL, with data: Data) throws {
    let partial = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).partial")
    try write(data, to: partial)
    try synchronize(partial)
    try rename(partial, to: url)
    try synchronize(url.deletingLastPathComponent())
  }

  /// Makes the symbolic link `url` point at `target` (a path relative to its folder), in one step.
  static func link(_ url: URL, to target: String) throws {
    let partial = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).partial")
    unlink(partial.path)
    guard symlink(target, partial.path) == 0 else { throw FileError("create", partial.path) }
    try rename(partial, to: url)
    try synchronize(url.deletingLastPathComponent())
  }

  /// What the symbolic link `url` points at; nil where it is none.
  static func target(of url: URL) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: url.path)
  }

  static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

  static func isFolder(_ url: URL) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
  }

  static func write(_ data: Data, to url: URL) throws {
    let descriptor = open(url.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError("write", url.path) }
    defer { close(descriptor) }
    try write(data, to: descriptor, path: url.path)
  }

  static func write(_ data: Data, to descriptor: Int32, path: String) throws {
    try data.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = Foundation.write(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if written < 0 {
          if errno == EINTR { continue }
          throw FileError("write", path)
        }
        rest = rest.dropFirst(written)
      }
    }
  }

  private static func posixCode(of error: any Error) -> Int32 {
    var current: NSError? = error as NSError
    while let some = current {
      if some.domain == NSPOSIXErrorDomain { return Int32(some.code) }
      current = some.userInfo[NSUnderlyingErrorKey] as? NSError
    }
    return switch (error as? CocoaError)?.code {
    case .fileNoSuchFile?, .fileReadNoSuchFile?: ENOENT
    case .fileReadNoPermission?, .fileWriteNoPermission?: EACCES
    case .fileWriteOutOfSpace?: ENOSPC
    case .fileWriteVolumeReadOnly?: EROFS
    case .fileWriteFileExists?: EEXIST
    default: EIO
    }
  }
}
