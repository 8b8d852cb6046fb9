import Foundation

/// A file's bytes. They are mapped into memory where that can be done, to be read when touched and dropped when memory
/// is short; pipes and devices are read, and so are files that the system has no more maps for or whose file system has
/// none.
public final class MappedFile: @unchecked Sendable {
  // Sendable because nobody writes through the pointer and it lives as long as this object.
  public let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// A file of the program's own.
  ///
  /// - Throws: ``FileError`` or ``FileKindError``
  public convenience init(own url: URL) throws {
    try self.init(FileSystem.open(own: url, O_RDONLY), path: url.path, map: Self.map)
  }

  /// - Parameter isMapped: false where the bytes are to be read in any case.
  /// - Throws: ``FileError``
  public convenience init(_ path: SystemPath, isMapped: Bool = true) throws {
    try self.init(path.openForReading(), path: "\(path)", map: isMapped ? Self.map : { _, _ in MAP_FAILED })
  }

  private static func map(_ descriptor: Int32, _ size: Int) -> UnsafeMutableRawPointer? {
    mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
  }

  /// - Parameters:
  ///   - descriptor: is closed.
  ///   - map: makes the map of a descriptor and a size.
  init(_ descriptor: Int32, path: String, map: (Int32, Int) -> UnsafeMutableRawPointer?) throws {
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError("read", path) }
    let size = Int(status.st_size)
    if status.st_mode & S_IFMT == S_IFREG, size > 0,
      let address = map(descriptor, size), address != MAP_FAILED
    {
      bytes = UnsafeRawBufferPointer(start: address, count: size)
      isMapped = true
    } else {
      // Some files, such as those of /proc, do not tell their size.
      let data = try FileSystem.read(descriptor, path: path)
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: data.count, alignment: 16)
      data.withUnsafeBytes { copy.copyMemory(from: $0) }
      bytes = UnsafeRawBufferPointer(copy)
      isMapped = false
    }
  }

  deinit {
    if !isMapped {
      bytes.deallocate()
    } else if let address = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
    }
  }

  /// The bytes as UTF-8 code units. Valid while this object lives.
  public var units: UnsafeBufferPointer<UInt8> { bytes.assumingMemoryBound(to: UInt8.self) }

  /// The bytes without a copy of them, for as long as they are needed.
  public var data: Data {
    guard let address = bytes.baseAddress, !bytes.isEmpty else { return Data() }
    return Data(
      bytesNoCopy: UnsafeMutableRawPointer(mutating: address), count: bytes.count,
      deallocator: .custom { [self] _, _ in withExtendedLifetime(self) {} })
  }
}
