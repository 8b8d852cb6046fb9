import AntBatch
import AntRandom

/// Prefix language modeling (Raffel et al., "T5", 2020): the first n tokens of a block see each other both ways,
/// everything after sees what came before, and each token after the prefix is predicted from the one before it.
///
/// n is drawn for each sample, 1 to length - 1, each as likely as the next, from Philox block `sample` of a stream
/// of its own.
public struct PrefixObjective: Objective {
  public let name = "PrefixLM"
  public let summary = "the next token after a prefix that sees itself both ways"

  public init() {}

  public func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
    let length = block.count
    let stream = RandomStream(seed: sample.seed, purpose: .masking, layer: 2, step: sample.epoch)
    let word = stream.block(UInt64(sample.number))[0]
    let prefix = length < 2 ? length : 1 + Int((UInt64(word) * UInt64(length - 1)) >> 32)
    return TokenSequence(
      block, prefix: prefix,
      labels: (max(prefix - 1, 0)..<max(length - 1, 0)).map { .init(block[$0 + 1], at: $0) })
  }
}
