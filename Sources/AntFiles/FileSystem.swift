import Foundation

/// The few file operations that runs and checkpoints are built from. Each is durable when it returns: contents
/// and folder entries have reached the disk, as far as the file system lets one ask for that.
///
/// Every method throws ``FileError``.
public enum FileSystem {
  /// Waits until a file's contents, or a folder's entries, are on the disk.
  public static func synchronize(_ url: URL) throws {
    let descriptor = Foundation.open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      // Into a folder that may not be listed one may still write.
      if errno == EACCES, isFolder(url) { return }
      throw FileError("open", url.path)
    }
    defer { close(descriptor) }
    try synchronize(descriptor, path: url.path)
  }

  /// Waits until the contents of an open file or folder are on the disk; `path` names it in the error.
  public static func synchronize(_ descriptor: Int32, path: String) throws {
    guard fsync(descriptor) != 0, !isRefusalToSynchronize(errno) else { return }
    throw FileError("write", path)
  }

  /// Whether `code` says that there is no waiting for such a file (pipes, devices) or on such a file system (folders
  /// on FUSE and SMB), which loses nothing: all others are failures of the disk.
  static func isRefusalToSynchronize(_ code: Int32) -> Bool {
    [EINVAL, ENOSYS, EOPNOTSUPP, EBADF, EACCES, EPERM, EROFS, EISDIR].contains(code)
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

  /// Names in `folder`, sorted, those that begin with a dot included. Bytes that are no UTF-8 stand as `\xe9`.
  public static func names(in folder: URL) throws -> [String] {
    try entries(in: SystemPath(folder.path)).map(\.name.description).sorted()
  }

  /// The paths of what is in `folder`, those that begin with a dot included, sorted by their bytes.
  public static func entries(in folder: SystemPath) throws -> [SystemPath] {
    guard let stream = folder.withCString({ opendir($0) }) else { throw FileError("read", "\(folder)") }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while true {
      // At the end, too, there is none.
      errno = 0
      guard let entry = readdir(stream) else { break }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != Array(".".utf8) && name != Array("..".utf8) { names.append(name) }
    }
    guard errno == 0 else { throw FileError("read", "\(folder)") }
    return names.sorted { $0.lexicographicallyPrecedes($1) }.map { folder.appending(SystemPath(bytes: $0)) }
  }

  /// The folder that `url` lies in; nil for the root, and for a path that ends in `..`, which is there only behind what is
  /// no folder.
  public static func parent(of url: URL) -> URL? {
    url.path == "/" || url.lastPathComponent == ".." ? nil : url.deletingLastPathComponent()
  }

  /// Makes the folder `url` and those it lies in, where they do not exist yet.
  public static func makeFolder(_ url: URL) throws {
    if isFolder(url) { return }
    guard let parent = parent(of: url) else { throw FileError("create", url.path, code: ENOENT) }
    try makeFolder(parent)
    guard mkdir(url.path, 0o777) == 0 || errno == EEXIST && isFolder(url) else {
      throw FileError("create", url.path)
    }
    try synchronize(parent)
  }

  /// Removes a file, or a folder with all that is in it.
  public static func remove(_ url: URL) throws { try remove(SystemPath(url.path)) }

  private static func remove(_ path: SystemPath) throws {
    var status = stat()
    let isFolder = path.withCString { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    if isFolder {
      for entry in try entries(in: path) { try remove(entry) }
    }
    guard path.withCString({ isFolder ? rmdir($0) : unlink($0) }) == 0 else {
      throw FileError("remove", "\(path)")
    }
  }

  /// All bytes of a file, a pipe or a device.
  public static func read(_ url: URL) throws -> Data { try read(SystemPath(url.path)) }

  /// All bytes of a file, a pipe or a device.
  public static func read(_ path: SystemPath) throws -> Data {
    let descriptor = try path.openForReading()
    defer { close(descriptor) }
    return try read(descriptor, path: "\(path)")
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

  /// Makes the symbolic link `url` point at `target` (a path relative to its folder), in one step. Not every file
  /// system has links.
  public static func link(_ url: URL, to target: String) throws {
    let partial = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).partial")
    unlink(partial.path)
    guard symlink(target, partial.path) == 0 else { throw FileError("create", url.path) }
    do {
      try rename(partial, to: url)
    } catch {
      unlink(partial.path)
      throw error
    }
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
}
