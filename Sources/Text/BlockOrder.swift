import Device

/// Where the blocks of one epoch begin in a stream of tokens, and in which order they are read.
///
/// The stream is cut into neighbouring blocks of `length` tokens behind a random offset in 0..<length, and the
/// blocks are shuffled (Fisher-Yates). Offset and order depend on (seed, epoch) alone. Every epoch has the same
/// number of blocks, as many as fit behind the largest offset and at least one where one fits, so an epoch
/// always takes the same number of steps; what one epoch leaves over at the edges, another reads.
public struct BlockOrder: Sendable, Equatable {
  /// Tokens before the first block.
  public let offset: Int
  public let length: Int
  private var order: [Int]

  /// - Parameters:
  ///   - tokenCount: tokens in the stream; fewer than `length` make no block.
  ///   - length: tokens in a block.
  ///   - epoch: pass over the stream, from 0.
  ///   - seed: the run's.
  public init(tokenCount: Int, length: Int, epoch: Int, seed: UInt64) {
    precondition(length >= 1, "BlockOrder: blocks of \(length) tokens")
    self.length = length
    guard tokenCount >= length else {
      offset = 0
      order = []
      return
    }
    let stream = RandomStream(seed: seed, purpose: .shuffling, step: epoch)
    let count = max(1, (tokenCount - length + 1) / length)
    let offsets = min(length, tokenCount - count * length + 1)
    offset = Self.draw(below: offsets, from: stream, 0)
    order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, Self.draw(below: last + 1, from: stream, UInt64(last)))
    }
  }

  /// Blocks in the epoch.
  public var count: Int { order.count }

  /// Where block `index` of the epoch begins in the stream.
  public subscript(index: Int) -> Int { offset + order[index] * length }

  /// A number in 0..<bound from Philox block `index`: the high half of 64 random bits times the bound, whose
  /// bias, bound / 2^64, nobody can see.
  private static func draw(below bound: Int, from stream: RandomStream, _ index: UInt64) -> Int {
    let words = stream.block(index)
    let bits = UInt64(words[1]) << 32 | UInt64(words[0])
    return Int(bits.multipliedFullWidth(by: UInt64(bound)).high)
  }
}
