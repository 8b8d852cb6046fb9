import AntRandom

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
    let count = Self.count(tokenCount: tokenCount, length: length)
    let offsets = min(length, tokenCount - count * length + 1)
    offset = stream.draw(below: offsets, 0)
    order = stream.permutation(count)
  }

  /// Blocks in every epoch of a stream of so many tokens.
  public static func count(tokenCount: Int, length: Int) -> Int {
    tokenCount < length ? 0 : max(1, (tokenCount - length + 1) / length)
  }

  /// Blocks in the epoch.
  public var count: Int { order.count }

  /// Where block `index` of the epoch begins in the stream.
  public subscript(index: Int) -> Int { offset + order[index] * length }
}
