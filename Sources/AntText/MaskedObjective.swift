import AntDevice

/// Masked-token prediction, MLM (Devlin et al., "BERT", 2019): some tokens are hidden (see ``Masking``), every
/// position sees the whole block, and each hidden one predicts its own token. A block in which nothing is chosen
/// has no label.
public struct MaskedObjective: Objective {
  public let name = "MLM"
  public let masking: Masking

  public init(_ masking: Masking) { self.masking = masking }

  public func batch(blocks: [[Int32]], firstSample: Int, epoch: Int, seed: UInt64) -> Batch {
    masking.batch(
      blocks: blocks, firstSample: firstSample, epoch: epoch, seed: seed, name: name, predictedFrom: 0)
  }
}

/// Masked next-token prediction, MNTP (BehnamGhader et al., "LLM2Vec", 2024; GPT-BERT): as MLM, but a hidden
/// token is predicted one position earlier, as CLM predicts, so that both objectives share the shift. The first
/// token of a block has nobody to predict it.
public struct MaskedNextObjective: Objective {
  public let name = "MNTP"
  public let masking: Masking

  public init(_ masking: Masking) { self.masking = masking }

  public func batch(blocks: [[Int32]], firstSample: Int, epoch: Int, seed: UInt64) -> Batch {
    masking.batch(
      blocks: blocks, firstSample: firstSample, epoch: epoch, seed: seed, name: name, predictedFrom: 1)
  }
}

extension Masking {
  /// - Parameter predictedFrom: how many positions before a hidden token it is predicted.
  fileprivate func batch(
    blocks: [[Int32]], firstSample: Int, epoch: Int, seed: UInt64, name: String, predictedFrom shift: Int
  ) -> Batch {
    let length = commonLength(of: blocks, for: name)
    var ids = blocks.flatMap { $0 }
    var labelRows: [Int32] = []
    var labels: [Int32] = []
    for (sequence, block) in blocks.enumerated() {
      for choice in choose(in: block, sample: firstSample + sequence, epoch: epoch, seed: seed)
      where choice.position >= shift {
        let row = sequence * length + choice.position
        ids[row] = choice.input
        labelRows.append(Int32(row - shift))
        labels.append(block[choice.position])
      }
    }
    return Batch(
      ids: ids, sequences: blocks.count, length: length,
      mask: AttentionMask(.bidirectional, sequences: blocks.count, length: length),
      labelRows: labelRows, labels: labels)
  }
}
