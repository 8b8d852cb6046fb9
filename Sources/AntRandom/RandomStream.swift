/// One independent sequence of draws: who draws (`purpose`, `layer`), when (`step`), under which `seed`.
///
/// Block n has the counter (n low, n high, step, purpose << 16 | layer) and the key (seed low, seed high).
public struct RandomStream: Sendable, Equatable {
  /// What the numbers are for; each purpose has streams of its own. Whoever draws names its purposes in an
  /// extension, under numbers that nobody else has:
  ///
  ///     0–15       the targets of this package
  ///     16–65,535  everybody else
  public struct Purpose: Sendable, Hashable {
    public let number: UInt16

    public init(_ number: UInt16) { self.number = number }

    /// Values that stand for real ones, in checks, benchmarks and tests.
    public static let sampling = Purpose(7)
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
  public var counterTail: SIMD2<UInt32> { SIMD2(step, UInt32(purpose.number) << 16 | layer) }

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
