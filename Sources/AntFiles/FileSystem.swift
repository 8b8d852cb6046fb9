import Foundation

/// The few file operations that runs and checkpoints are built from. Each is durable when it returns: contents
/// and folder entries have reached the disk.
///
/// Every method throws ``FileError``.
public enum FileSystem {
  /// Waits until a file's contents, or a folder's entries, are on the disk.
  public static func synchronize(_ url: URL) throws {
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", url.path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError("write", url.path) }
  }

  /// Every file in `folder`, and the folder itself.
  public static func synchronizeContents(of folder: URL) throws {
    for name in try names(in: folder) { try synchronize(folder.appending(path: name)) }
    try synchronize(folder)
  }

  /// Where what can be made again is kept between runs: `$XDG_CACHE_HOME/antlm`, or `~/.cache/antlm`.
  public static var cacheFolder: URL {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") {
      return URL(filePath: folder).appending(path: "antlm")
    }
    return FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/antlm")
  }

  /// Names in `folder`, sorted, those that begin with a dot included.
  public static func names(in folder: URL) throws -> [String] {
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

  /// Makes the folder `url` and those it lies in, where they do not exist yet.
  public static func makeFolder(_ url: URL) throws {
    if isFolder(url) { return }
    let parent = url.absoluteURL.deletingLastPathComponent()
    try makeFolder(parent)
    guard mkdir(url.path, 0o777) == 0 || errno == EEXIST && isFolder(url) else {
      throw FileError("create", url.path)
    }
    try synchronize(parent)
  }

  /// Removes a file, or a folder with all that is in it.
  public static func remove(_ url: URL) throws {
    do {
      try FileManager.default.removeItem(at: url)
    } catch {
      throw FileError("remove", url.path, code: posixCode(of: error))
    }
  }

  /// All bytes of a file.
  public static func read(_ url: URL) throws -> Data {
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("read", url.path) }
    defer { close(descriptor) }
    return try read(descriptor, path: url.path)
  }

  /// Everything that can be read from a descriptor: of a file, a pipe or a terminal.
  public static func read(_ descriptor: Int32, path: String) throws -> Data {
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

  /// Gives a file or folder another name, in one step; a file that has it goes away.
  public static func rename(_ source: URL, to destination: URL) throws {
    guard Foundation.rename(source.path, destination.path) == 0 else {
      throw FileError("rename", source.path)
    }
  }

  /// Writes `data` under `url`: a reader sees the old file or the new one. See ``OutputFile``.
  public static func write(_ data: Data, to url: URL) throws {
    let file = try OutputFile(url)
    try file.write(data)
    try file.finish()
  }

  /// Makes the symbolic link `url` point at `target` (a path relative to its folder), in one step.
  public static func link(_ url: URL, to target: String) throws {
    let partial = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).partial")
    unlink(partial.path)
    guard symlink(target, partial.path) == 0 else { throw FileError("create", partial.path) }
    try rename(partial, to: url)
    try synchronize(url.deletingLastPathComponent())
  }

  /// What the symbolic link `url` points at; nil where it is none.
  public static func target(of url: URL) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: url.path)
  }

  /// Whether there is anything of this name, links followed.
  public static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

  /// Whether there is a folder of this name, links followed.
  public static func isFolder(_ url: URL) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// Writes all of `bytes` to an open descriptor; `path` names it in the error.
  public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // One call takes less than 2 GiB.
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      let written = Foundation.write(descriptor, part.baseAddress, part.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw FileError("write", path)
      }
      rest = rest.dropFirst(written)
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
