import AntModels
import AntText

/// The mean loss of held-out text under every objective, in nats a label; of masked diffusion the bound in nats a token.
///
/// The same blocks, with masks drawn from the run's seed alone, every time: two evaluations differ only by the
/// weights.
package struct Evaluation {
  /// Draws of an epoch that training never reaches.
  private static let epoch = Int(Int32.max)

  package let objectives: [any Objective]
  package let blocks: [[Int32]]
  package let microBatch: Int
  package let seed: UInt64
  package let masking: Masking
  package let splitsDocuments: Bool

  /// - Parameters:
  ///   - sequences: how many blocks to read, spread evenly over the text; 0 for all.
  package init(
    _ corpus: TokenCorpus, objectives: [any Objective], length: Int, sequences: Int, microBatch: Int,
    seed: UInt64, masking: Masking, splitsDocuments: Bool = false
  ) {
    let length = min(length, corpus.count)
    let available = corpus.count / length
    let count = sequences == 0 ? available : min(sequences, available)
    blocks = (0..<count).map { index in
      let start = index * available / count * length
      return corpus.tokens(start..<start + length)
    }
    self.objectives = objectives
    self.microBatch = microBatch
    self.seed = seed
    self.masking = masking
    self.splitsDocuments = splitsDocuments
  }

  /// Mean loss by the objective's name; nil where it was stopped.
  ///
  /// - Parameter stop: asked before each batch.
  package func callAsFunction(_ model: any LanguageModel, until stop: () -> Bool = { false }) throws
    -> [String: Double]?
  {
    var losses: [String: Double] = [:]
    for objective in objectives {
      var sum = 0.0
      var denominator = 0.0
      for start in stride(from: 0, to: blocks.count, by: microBatch) {
        if stop() { return nil }
        let samples = start..<min(start + microBatch, blocks.count)
        let batch = objective.batch(
          Array(blocks[samples]),
          from: Sample(
            number: start, epoch: Self.epoch, seed: seed, masking: masking, isHeldOut: true,
            splitsDocuments: splitsDocuments))
        sum += batch.weightedSum(try model.losses(batch))
        denominator += batch.denominator
      }
      losses[objective.name] = denominator == 0 ? .nan : sum / denominator
    }
    return losses
  }
}
