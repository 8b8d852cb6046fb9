import Foundation

/// The path of a file as the system has it: bytes, which need not be UTF-8.
public struct SystemPath: Hashable, Sendable, CustomStringConvertible {
  /// Without the NUL at its end.
  let bytes: [UInt8]

  init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  public init(_ path: String) { self.init(bytes: path.utf8) }

  /// What is to be read: `-` is standard input.
  public init(reading path: String) { self = path == "-" ? .standardInput : SystemPath(path) }

  private static let standardInput = SystemPath("/dev/stdin")

  /// The path for people: bytes that are no UTF-8 as `\xe9`.
  public var description: String { String(escapingInvalid: bytes) }

  /// The path where it is UTF-8; nil where no string can be it.
  public var string: String? { String(validating: bytes, as: UTF8.self) }

  /// Its last component.
  public var name: SystemPath {
    SystemPath(bytes: bytes[(bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...])
  }

  /// Whether its last bytes are those of `text`.
  public func hasSuffix(_ text: String) -> Bool { bytes.suffix(text.utf8.count).elementsEqual(text.utf8) }

  /// Whether it begins with a dot.
  public var isHidden: Bool { bytes.first == UInt8(ascii: ".") }

  /// What a path leads to, links followed.
  public enum Kind: Sendable {
    case file, folder
    /// A pipe, a device, a socket.
    case other
  }

  /// What the path leads to; nil, with the reason in `errno`, where there is nothing or nothing can be told.
  public var kind: Kind? {
    var status = stat()
    errno = 0
    guard lookUp(&status) else { return nil }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .other
    }
  }

  /// What tells the file from all others, links followed: one file has many names where links, letters of either case
  /// or mounts lead to it. Nil where there is none.
  public var identity: FileIdentity? {
    var status = stat()
    return lookUp(&status) ? FileIdentity(status) : nil
  }

  private func lookUp(_ status: inout stat) -> Bool {
    withCString { stat($0, &status) == 0 } || self == .standardInput && fstat(STDIN_FILENO, &status) == 0
  }

  /// Opens what the path leads to.
  ///
  /// - Throws: ``FileError``
  func openForReading() throws -> Int32 {
    var descriptor = withCString { open($0, O_RDONLY | O_CLOEXEC) }
    // Standard input need not have a name to be opened by: a socket has none.
    if descriptor < 0, self == .standardInput { descriptor = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) }
    guard descriptor >= 0 else { throw FileError("read", "\(self)") }
    return descriptor
  }

  func appending(_ name: SystemPath) -> SystemPath {
    SystemPath(bytes: bytes.last == UInt8(ascii: "/") ? bytes + name.bytes : bytes + "/".utf8 + name.bytes)
  }

  /// Calls `body` with the path as C has it.
  func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
    try (bytes + [0]).withUnsafeBytes { try body($0.assumingMemoryBound(to: CChar.self).baseAddress!) }
  }
}

extension FileSystem {
  /// The file the system finds under `path`, as an absolute URL without `.` and `..`: these are resolved as the
  /// system does it, so that `link/../file` lies beside what `link` points at. (What Foundation does with them takes
  /// the text apart and does not look.)
  ///
  /// - Parameter folder: where a relative path begins; nil for the folder the process works in.
  public static func url(_ path: String, relativeTo folder: URL? = nil) -> URL {
    var resolved = path.utf8.first == UInt8(ascii: "/") ? "" : folder?.path ?? workingFolder
    for component in path.split(separator: "/") where component != "." {
      guard component == ".." else {
        resolved += resolved.hasSuffix("/") ? "\(component)" : "/\(component)"
        continue
      }
      // What is no folder stays in the path: the system then says what is wrong with it.
      guard let real = realPath(resolved.isEmpty ? "/" : resolved), isFolder(URL(filePath: real)) else {
        resolved += "/.."
        continue
      }
      resolved = String(real[..<(real.lastIndex(of: "/") ?? real.startIndex)])
    }
    let isFolder = path.hasSuffix("/")
    return URL(
      filePath: resolved.isEmpty ? "/" : resolved, directoryHint: isFolder ? .isDirectory : .notDirectory)
  }

  /// As ``url(_:relativeTo:)``, of a file to be read: `-` is standard input.
  public static func url(reading path: String) -> URL { url(SystemPath(reading: path).description) }

  /// The file that is written where something is written to `url`: what its links point at, also where that is not
  /// there yet.
  public static func resolvingLinks(_ url: URL) -> URL {
    var path = url.path
    // As many links as the system follows.
    for _ in 0..<40 {
      if let real = realPath(path) { return URL(filePath: real, directoryHint: .notDirectory) }
      let place = URL(filePath: path, directoryHint: .notDirectory)
      guard let target = target(of: place) else {
        guard let folder = realPath(place.deletingLastPathComponent().path) else { return place }
        return URL(filePath: folder).appending(path: place.lastPathComponent)
      }
      path = self.url(target, relativeTo: place.deletingLastPathComponent()).path
    }
    return url
  }

  /// Nil where the path leads nowhere, or is not UTF-8.
  private static func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(validatingCString: real)
  }

  /// The folder the process works in. Where its path is not UTF-8 the system's own name for it.
  private static var workingFolder: String {
    guard let folder = getcwd(nil, 0) else { return "." }
    defer { free(folder) }
    return String(validatingCString: folder) ?? "/proc/self/cwd"
  }
}

/// The device a file lies on and its number there.
public struct FileIdentity: Hashable, Sendable {
  private let device: dev_t
  private let number: ino_t

  init(_ status: stat) {
    device = status.st_dev
    number = status.st_ino
  }

  /// Of an open file.
  public init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }
}
