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

/// One independent sequence of draws: who draws (`purpose`, `layer`), when (`step`), under which `seed`.
///
/// Block n has the counter (n low, n high, step, purpose << 16 | layer) and the key (seed low, seed high).
public struct RandomStream: Sendable, Equatable {
  /// What the numbers are for; each purpose has streams of its own.
  public enum Purpose: UInt32, Sendable {
    case initialization, embeddingDropout, attentionDropout, hiddenDropout, headDropout, masking, shuffling,
      sampling, generation, positionDropout, classification
  }

  public var seed: UInt64
  public var purpose: Purpose
  public var layer: UInt32
  public var step: UInt32

  public init(seed: UInt64, purpose: Purpose, layer: Int = 0, step: Int = 0) {
    precondition(layer >= 0 && layer < 1 << 16, "RandomStream: layer \(layer)")
    self.seed = seed
    self.purpose = purpose
    self.layer = UInt32(layer)
    self.step = UInt32(truncatingIfNeeded: step)
  }

  public var key: SIMD2<UInt32> {
    SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// The last two counter words, the same in every block.
  public var counterTail: SIMD2<UInt32> { SIMD2(step, purpose.rawValue << 16 | layer) }

  /// Four words at once.
  public func block(_ index: UInt64) -> Philox.Block {
    Philox.block(
      counter: Philox.Block(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32), counterTail[0],
        counterTail[1]),
      key: key)
  }

  /// Word `index % 4` of block `index / 4`.
  public func word(_ index: UInt64) -> UInt32 { block(index / 4)[Int(index % 4)] }

  /// Draw `index`, uniform in [0, 1).
  public func uniform(_ index: UInt64) -> Float { Philox.uniform(word(index)) }
}
