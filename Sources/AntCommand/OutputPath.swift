import AntFiles
import ArgumentParser
import Foundation

/// The name of a file a command puts in place as a whole, so that what has that name is replaced.
enum OutputPath {
  /// Refuses to replace what is no file, such as /dev/null or a pipe, and what the command itself reads or
  /// writes under another option.
  static func require(_ path: String, _ option: String, apartFrom others: [String] = []) throws {
    guard !path.isEmpty else { throw ValidationError("\(option) is empty; name a file") }
    var status = stat()
    let exists = stat(path, &status) == 0
    let kind = status.st_mode & S_IFMT
    if exists && kind != S_IFREG && kind != S_IFDIR {
      throw ValidationError("\(option) \(path) is a device or a pipe; name a file")
    }
    guard path != "-" else {
      throw ValidationError("\(option) is -, standard output, where no whole file goes; name a file")
    }
    guard !path.hasSuffix("/") else {
      throw ValidationError("\(option) \(path) names a folder; name a file")
    }
    let isOutput = [STDOUT_FILENO, STDERR_FILENO].contains {
      FileIdentity(descriptor: $0) == SystemPath(path).identity
    }
    guard !exists || !isOutput else {
      throw ValidationError("\(option) \(path) is where this command prints; name another file")
    }
    if let other = others.first(where: { isSame($0, path) }) {
      throw ValidationError(
        "\(option) \(path) would replace \(other), which this command names too; choose another")
    }
  }

  /// Refuses to replace a file of the model or run in `folder`, wherever the folder's links lead.
  static func require(_ path: String, _ option: String, leavesModelIn folder: String) throws {
    let target = resolved(path)
    guard !folder.isEmpty, FileSystem.exists(target), target.path.hasPrefix(resolved(folder).path + "/")
    else { return }
    throw ValidationError(
      "\(option) \(path) would replace a file in \(folder), which this command reads; choose another")
  }

  /// Throws where nothing can be put at `path` for lack of a folder or of permission: better said before long work
  /// than after it.
  ///
  /// - Parameter makingFolders: whether folders that are missing will be made.
  static func requirePlace(for path: String, makingFolders: Bool = false) throws {
    // A folder that is there already must take what goes into it.
    var folder = makingFolders ? resolved(path) : resolved(path).deletingLastPathComponent()
    while makingFolders, !FileSystem.exists(folder), let parent = FileSystem.parent(of: folder) {
      folder = parent
    }
    guard FileSystem.exists(folder) else { throw FileError("write", path, code: ENOENT) }
    guard FileSystem.isFolder(folder) else { throw FileError("write", path, code: ENOTDIR) }
    // Permissions do not tell of folders the kernel makes up, such as /proc: only trying does.
    let trial = folder.appending(path: ".antlm.\(getpid()).\(UInt32.random(in: 0 ... .max)).partial")
    guard mkdir(trial.path, 0o700) == 0 else { throw FileError("write", path) }
    rmdir(trial.path)
    if FileSystem.isFolder(resolved(path)), !makingFolders { throw FileError("write", path, code: EISDIR) }
  }

  /// The file itself where `path` is a link to it: the link stays.
  static func resolved(_ path: String) -> URL { FileSystem.resolvingLinks(FileSystem.url(path)) }

  /// Whether two paths name one file, be it by links, letters of either case, or where none is yet.
  private static func isSame(_ first: String, _ second: String) -> Bool {
    let identity = SystemPath(first).identity
    return identity == nil ? resolved(first) == resolved(second) : identity == SystemPath(second).identity
  }
}
