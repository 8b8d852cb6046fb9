/// A way to make a language model's task out of plain blocks of tokens.
///
/// An objective holds no state. What it draws depends on (seed, epoch, sample, position) alone, so a block
/// gets the same task however an epoch is cut into batches and wherever a run was resumed.
public protocol Objective: Sendable {
  /// As schedules spell it.
  var name: String { get }

  /// The task over `blocks`.
  ///
  /// - Parameters:
  ///   - blocks: token ids; all blocks have one length.
  ///   - firstSample: the place of `blocks[0]` in the epoch's order; the others follow it.
  ///   - epoch: pass over the corpus, from 0.
  ///   - seed: the run's.
  func batch(blocks: [[Int32]], firstSample: Int, epoch: Int, seed: UInt64) -> Batch
}

/// The one length of all `blocks`.
func commonLength(of blocks: [[Int32]], for name: String) -> Int {
  let length = blocks.first?.count ?? 0
  for block in blocks {
    precondition(block.count == length, "\(name): a block of \(block.count) among blocks of \(length)")
  }
  return length
}
