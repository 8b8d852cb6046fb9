import AntBatch
import AntRandom

/// Masked diffusion, MDLM (Sahoo et al., "MDLM", 2024; Nie et al., "LLaDA", 2025): a rate p is drawn for each sequence
/// from (0, 1], every token is hidden behind [MASK] with that probability, and all of them are predicted in place, each
/// position seeing the whole block:
///
///     loss = sum over hidden tokens of -log P(token) / p, over all tokens of the sequences
///
/// Its mean over p is a bound on the text's negative log-likelihood, in nats a token. Special tokens are hidden too,
/// since a model that writes by unmasking has to write where a text ends.
public struct DiffusionObjective: Objective {
  public let name = "MDLM"
  public let summary = "tokens hidden at a rate drawn for each sequence, weighted 1/rate (masked diffusion)"
  public let needsMaskToken = true
  public let readsBothWays = true
  public let shift = 0

  public init() {}

  public func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
    let rate = sample.hidingRate
    var sequence = TokenSequence(block, seesAll: true)
    for position in sample.hidden(in: block, at: rate) {
      sequence.ids[position] = sample.masking.specials.mask
      sequence.labels.append(.init(block[position], at: position, weight: 1 / rate))
    }
    sequence.denominator = Double(block.count)
    return sequence
  }
}

/// Next-token prediction on partly masked inputs, MIR: as ``CausalObjective``, but of what the model reads a part drawn
/// for each sequence, at most one half, is hidden behind [MASK]. It keeps a model that reads a text many times from
/// learning it by heart, and is mixed with CLM, which then counts more (`[CLM:1+MIR:1]` with a weight of 0.4 for MIR).
public struct MaskedInputObjective: Objective {
  public let name = "MIR"
  public let summary = "the next token, causal, on an input of which up to one half is hidden"
  public let needsMaskToken = true

  public init() {}

  public func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
    var sequence = CausalObjective().sequence(from: block, sample)
    for position in sample.hidden(in: block, at: sample.hidingRate / 2) {
      sequence.ids[position] = sample.masking.specials.mask
    }
    return sequence
  }
}

extension Sample {
  /// The least rate drawn, so that no weight goes beyond its inverse.
  private static let leastRate: Float = 1e-3
  /// Rates that held-out text is read at, one a sequence in turn, so that two evaluations differ by the weights alone
  /// and few sequences suffice.
  private static let strata = 8

  /// The part of a sequence to be hidden, in (0, 1].
  fileprivate var hidingRate: Float {
    if isHeldOut { return (Float(number % Self.strata) + 0.5) / Float(Self.strata) }
    let stream = RandomStream(seed: seed, purpose: .masking, layer: 3, step: epoch)
    return 1 - (1 - Self.leastRate) * Philox.uniform(stream.block(UInt64(number))[0])
  }

  /// Positions of `block`, each hidden with probability `rate` whatever token stands there.
  fileprivate func hidden(in block: [Int32], at rate: Float) -> [Int] {
    let stream = RandomStream(seed: seed, purpose: .masking, layer: 4, step: epoch)
    let first = UInt64(number) * UInt64(Masking.positionsPerSample)
    return block.indices.filter { Philox.uniform(stream.block(first + UInt64($0))[0]) < rate }
  }
}
