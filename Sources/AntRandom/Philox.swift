/// Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// 2011): block n of a stream is a pure function of the key and n, so every device, every resume and every
/// split of a batch draws the same numbers.
public enum Philox {
  public typealias Block = SIMD4<UInt32>

  /// Ten rounds over `counter`.
  @inlinable
  public static func block(counter: Block, key: SIMD2<UInt32>) -> Block {
    var x = counter
    var key = key
    for _ in 0..<10 {
      let low = UInt64(0xD251_1F53) * UInt64(x[0])
      let high = UInt64(0xCD9E_8D57) * UInt64(x[2])
      x = Block(
        UInt32(truncatingIfNeeded: high >> 32) ^ x[1] ^ key[0], UInt32(truncatingIfNeeded: high),
        UInt32(truncatingIfNeeded: low >> 32) ^ x[3] ^ key[1], UInt32(truncatingIfNeeded: low))
      key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return x
  }

  /// The top 24 bits of a word as a number in [0, 1).
  @inlinable
  public static func uniform(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }
}
