import AntDevice

/// Next-token prediction, CLM: position t sees 0...t and predicts token t + 1.
///
/// A block of L tokens has L - 1 labels: its last position has no successor inside the block.
public struct CausalObjective: Objective {
  public let name = "CLM"

  public init() {}

  public func batch(blocks: [[Int32]], firstSample: Int, epoch: Int, seed: UInt64) -> Batch {
    let length = commonLength(of: blocks, for: name)
    var labelRows: [Int32] = []
    var labels: [Int32] = []
    labelRows.reserveCapacity(blocks.count * length)
    labels.reserveCapacity(blocks.count * length)
    for (sequence, block) in blocks.enumerated() {
      for position in block.indices.dropLast() {
        labelRows.append(Int32(sequence * length + position))
        labels.append(block[position + 1])
      }
    }
    return Batch(
      ids: blocks.flatMap { $0 }, sequences: blocks.count, length: length,
      mask: AttentionMask(.causal, sequences: blocks.count, length: length),
      labelRows: labelRows, labels: labels)
  }
}
