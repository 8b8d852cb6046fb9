import Device
import Models
import Text

/// The batches of a run: a pure function of plan, seed and step.
final class TrainingData {
  private let corpus: TokenCorpus
  private let length: Int
  private let batch: Int
  private let microBatch: Int
  private let seed: UInt64
  /// The order of the epoch asked for last.
  private var order: (epoch: Int, blocks: BlockOrder)?

  init(_ corpus: TokenCorpus, _ configuration: TrainingConfiguration) {
    self.corpus = corpus
    length = configuration.length
    batch = configuration.batch
    microBatch = configuration.microBatch
    seed = configuration.seed
  }

  /// The same in every epoch.
  static func stepsPerEpoch(tokens: Int, length: Int, batch: Int) -> Int {
    (BlockOrder(tokenCount: tokens, length: length, epoch: 0, seed: 0).count + batch - 1) / batch
  }

  /// The parts of one step's batch, in order. The last step of an epoch has the blocks that are left.
  func parts(at position: TrainingPlan.Position, objective: any Objective) -> [(first: Int, batch: Batch)] {
    if order?.epoch != position.epoch {
      order = (
        position.epoch,
        BlockOrder(tokenCount: corpus.count, length: length, epoch: position.epoch, seed: seed)
      )
    }
    guard let order = order?.blocks else { return [] }
    let first = position.stepInEpoch * batch
    let end = min(first + batch, order.count)
    return stride(from: first, to: end, by: microBatch).map { start in
      let samples = start..<min(start + microBatch, end)
      let sequences = samples.map { corpus.tokens(order[$0]..<order[$0] + length) }
      return (
        start - first,
        objective.batch(blocks: sequences, firstSample: start, epoch: position.epoch, seed: seed)
      )
    }
  }
}
