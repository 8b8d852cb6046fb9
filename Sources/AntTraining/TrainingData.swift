import AntBatch
import AntText

/// One step's batch.
struct StepBatch {
  /// In order, split to save memory.
  var parts: [Batch]
  /// Which part of the step's loss each objective's mean loss makes, in the mixture's order.
  var lossParts: [Double]

  var tokens: Int { parts.reduce(0) { $0 + $1.ids.count } }
}

/// The batches of a run: a pure function of plan, seed and step.
package final class TrainingData {
  private let corpus: TokenCorpus
  private let configuration: TrainingConfiguration
  private let plan: TrainingPlan
  private let tokenizer: Tokenizer
  private let objectives: Objectives
  /// The order of the epoch and length asked for last.
  private var order: (epoch: Int, blocks: BlockOrder)?

  init(
    _ corpus: TokenCorpus, _ configuration: TrainingConfiguration, plan: TrainingPlan, tokenizer: Tokenizer,
    objectives: Objectives
  ) {
    self.corpus = corpus
    self.configuration = configuration
    self.plan = plan
    self.tokenizer = tokenizer
    self.objectives = objectives
  }

  /// The same in every epoch.
  package static func stepsPerEpoch(tokens: Int, length: Int, batch: Int) -> Int {
    (BlockOrder.count(tokenCount: tokens, length: length) + batch - 1) / batch
  }

  /// The batch of a step.
  ///
  /// At the first length the last step of an epoch has the blocks that are left. At another an epoch has the same
  /// number of steps, over which its blocks are spread evenly.
  func batch(ofStep step: Int) -> StepBatch {
    let position = plan.position(ofStep: step)
    let place = plan.place(ofStep: step)
    let length = configuration.length(step: place.step, of: place.total)
    if order?.epoch != position.epoch || order?.blocks.length != length {
      order = (
        position.epoch,
        BlockOrder(
          tokenCount: corpus.count, length: length, epoch: position.epoch, seed: configuration.seed)
      )
    }
    guard let order = order?.blocks else { return StepBatch(parts: [], lossParts: []) }
    let (first, end, part) = range(position.stepInEpoch, of: order)
    let masking = configuration.masking(
      tokenizer, rate: configuration.maskingRate(step: place.step, of: place.total))
    let sample = Sample(
      number: first, epoch: position.epoch, seed: configuration.seed, masking: masking,
      splitsDocuments: configuration.documents)
    let mixture = position.mixture
    let counts =
      switch configuration.dealing {
      case .exact: mixture.exactCounts(of: end - first, step: position.stepOfMixture)
      case .drawn: mixture.drawnCounts(of: end - first, from: sample)
      }
    let (sequences, lossParts) = objectives.sequences(
      mixture, over: (first..<end).map { corpus.tokens(order[$0]..<order[$0] + length) }, from: sample,
      counts: counts, weights: mixture.objectives.map { configuration.weight.value(for: $0) })
    return StepBatch(
      parts: stride(from: 0, to: sequences.count, by: part).map { start in
        Batch(
          Array(sequences[start..<min(start + part, sequences.count)]), padding: masking.specials.padding)
      }, lossParts: lossParts)
  }

  /// The blocks of a step, and how many of them one part has.
  private func range(_ step: Int, of order: BlockOrder) -> (first: Int, end: Int, part: Int) {
    let (batch, microBatch) = (configuration.batch, configuration.microBatch)
    if order.length == configuration.length.first {
      return (step * batch, min((step + 1) * batch, order.count), microBatch)
    }
    // Where there are fewer blocks than steps, some are read again.
    let first = step * order.count / plan.stepsPerEpoch
    let end = max(first + 1, (step + 1) * order.count / plan.stepsPerEpoch)
    return (first, end, max(1, microBatch * configuration.length.first / order.length))
  }
}
