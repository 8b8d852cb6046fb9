import AntBatch

/// Masked-token prediction, MLM (Devlin et al., "BERT", 2019): some tokens are hidden (see ``Masking``), every
/// position sees the whole block, and each hidden one predicts its own token. A block in which nothing is chosen
/// has no label.
public struct MaskedObjective: Objective {
  public let name = "MLM"
  public let summary = "hidden tokens, every position sees all"
  public let shift = 0
  public let needsMaskToken = true
  public let readsBothWays = true
  public let isAlwaysEvaluated = true

  public init() {}

  public func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
    sample.hidingSome(of: block, predictedFrom: shift)
  }
}

/// Masked next-token prediction, MNTP (BehnamGhader et al., "LLM2Vec", 2024; GPT-BERT): as MLM, but a hidden
/// token is predicted one position earlier, as CLM predicts, so that both objectives share the shift. The first
/// token of a block has nobody to predict it.
public struct MaskedNextObjective: Objective {
  public let name = "MNTP"
  public let summary = "as MLM, predicted one position earlier"
  public let needsMaskToken = true
  public let readsBothWays = true

  public init() {}

  public func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
    sample.hidingSome(of: block, predictedFrom: shift)
  }
}

extension Sample {
  /// - Parameter shift: how many positions before a hidden token it is predicted.
  fileprivate func hidingSome(of block: [Int32], predictedFrom shift: Int) -> TokenSequence {
    var sequence = TokenSequence(block, seesAll: true)
    for choice in masking.choose(in: block, sample: number, epoch: epoch, seed: seed)
    where choice.position >= shift {
      sequence.ids[choice.position] = choice.input
      sequence.labels.append(.init(block[choice.position], at: choice.position - shift))
    }
    return sequence
  }
}
