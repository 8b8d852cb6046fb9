import Foundation

/// A 64-bit checksum that tells whether a file still is what was written:
///
///     h <- rotate((h xor word) * odd, 29)    over the 8-byte words, in four lanes
///
/// Each step is a bijection of h, so a change within one word is always seen, and any other but once in 2^64.
/// It guards against accidents, not against forgery.
struct Checksum: Equatable {
  private static let odd: UInt64 = 0x9E37_79B9_7F4A_7C15

  let value: UInt64
  let byteCount: Int

  var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  init(_ bytes: UnsafeRawBufferPointer) {
    var lanes = SIMD4<UInt64>(1, 2, 3, 4)
    let blocks = bytes.count / 32
    for block in 0..<blocks {
      var words = SIMD4<UInt64>()
      for lane in 0..<4 {
        words[lane] = bytes.loadUnaligned(fromByteOffset: 32 * block + 8 * lane, as: UInt64.self)
      }
      let mixed = (lanes ^ words) &* Self.odd
      lanes = (mixed &<< 29) | (mixed &>> 35)
    }
    var hash = UInt64(bytes.count)
    for lane in 0..<4 { hash = Self.mix(hash, lanes[lane]) }
    for byte in bytes[(32 * blocks)...] { hash = Self.mix(hash, UInt64(byte)) }
    value = hash
    byteCount = bytes.count
  }

  init(of file: URL) throws {
    let data: Data
    do {
      data = try Data(contentsOf: file, options: .alwaysMapped)
    } catch {
      throw FileError("read", file.path, code: FileSystem.exists(file) ? EIO : ENOENT)
    }
    self = data.withUnsafeBytes { Checksum($0) }
  }

  private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let mixed = (hash ^ word) &* odd
    return (mixed &<< 29) | (mixed &>> 35)
  }
}
