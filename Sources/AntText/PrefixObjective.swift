import AntDevice
import AntRandom

/// Prefix language modeling (Raffel et al., "T5", 2020): the first n tokens of a block see each other both ways,
/// everything after sees what came before, and each token after the prefix is predicted from the one before it.
///
/// n is drawn for each sample, 1 to length - 1, each as likely as the next, from Philox block `sample` of a stream
/// of its own.
public struct PrefixObjective: Objective {
  public let name = "PrefixLM"

  public init() {}

  public func batch(blocks: [[Int32]], firstSample: Int, epoch: Int, seed: UInt64) -> Batch {
    let length = commonLength(of: blocks, for: name)
    let stream = RandomStream(seed: seed, purpose: .masking, layer: 2, step: epoch)
    var labelRows: [Int32] = []
    var labels: [Int32] = []
    var documents: [[AttentionMask.Document]] = []
    for (sequence, block) in blocks.enumerated() {
      let word = stream.block(UInt64(firstSample + sequence))[0]
      let prefix = length < 2 ? length : 1 + Int((UInt64(word) * UInt64(length - 1)) >> 32)
      documents.append([AttentionMask.Document(0..<length, prefix: prefix)])
      for position in max(prefix - 1, 0)..<max(length - 1, 0) {
        labelRows.append(Int32(sequence * length + position))
        labels.append(block[position + 1])
      }
    }
    return Batch(
      ids: blocks.flatMap { $0 }, sequences: blocks.count, length: length,
      mask: AttentionMask(length: length, sequences: documents), labelRows: labelRows, labels: labels)
  }
}
