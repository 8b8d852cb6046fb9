import AntDevice
import AntFiles
import Foundation

/// Built programs on disk, so that a machine compiles each kernel once.
///
/// What a program was built from and for is its key: source, options, device and driver. A file is named by a hash of
/// the key and holds, little-endian,
///
///     0  "AntLMprg"               8  version, bytes of the key, bytes of the binary: UInt64 each
///     32 hash of the binary: 2 x UInt64
///     48 the key, then the binary
///
/// The key is compared byte by byte, so that no two programs can be taken for each other. A file that is cut short,
/// changed or of another key is none, and what cannot be written is not kept.
struct ProgramCache: Sendable {
  let folder: URL

  private static let version: UInt64 = 1
  private static let magic = UInt64(littleEndian: 0x6772_704D_4C74_6E41)
  private static let headerSize = 48

  /// Beside the other caches; nil for devices whose driver keeps one of its own or has nothing to keep.
  static func standard(for info: DeviceInfo) -> ProgramCache? {
    guard info.kind != .simulator, !info.driver.contains("Portable Computing Language") else { return nil }
    return ProgramCache(folder: FileSystem.cacheFolder.appending(path: "programs"))
  }

  static func key(source: String, options: String, info: DeviceInfo) -> [UInt8] {
    // Names cannot hold what separates them.
    Array([info.vendor, info.name, info.driver, options, source].joined(separator: "\0").utf8)
  }

  /// The binary kept under `key`; nil where there is none.
  func binary(_ key: [UInt8]) -> [UInt8]? {
    guard let file = try? FileSystem.read(own: url(key)), file.count > Self.headerSize + key.count else {
      return nil
    }
    let bytes = [UInt8](file)
    let binary = Array(bytes[(Self.headerSize + key.count)...])
    return bytes.starts(with: Self.header(key, binary) + key) ? binary : nil
  }

  /// Keeps `binary` under `key`, in place of what was kept.
  func keep(_ binary: [UInt8], _ key: [UInt8]) {
    do {
      try FileSystem.makeFolder(folder)
      let file = try OutputFile(url(key))
      try (Self.header(key, binary) + key + binary).withUnsafeBytes { try file.write($0) }
      try file.finish()
    } catch {
      // It is compiled again next time.
    }
  }

  func url(_ key: [UInt8]) -> URL { folder.appending(path: "\(Self.hash(key)).program") }

  private static func hash(_ bytes: [UInt8]) -> ContentHash {
    var hash = ContentHash()
    bytes.withUnsafeBytes { hash.combine($0) }
    return hash
  }

  private static func header(_ key: [UInt8], _ binary: [UInt8]) -> [UInt8] {
    let content = hash(binary).words
    return [magic, version, UInt64(key.count), UInt64(binary.count), content.0, content.1].flatMap { word in
      withUnsafeBytes(of: word.littleEndian) { Array($0) }
    }
  }
}
