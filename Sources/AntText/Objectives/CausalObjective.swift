import AntBatch

/// Next-token prediction, CLM: position t sees 0...t and predicts token t + 1.
///
/// A block of L tokens has L - 1 labels: its last position has no successor inside the block.
public struct CausalObjective: Objective {
  public let name = "CLM"
  public let summary = "the next token, causal"
  public let isAlwaysEvaluated = true

  public init() {}

  public func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
    TokenSequence(
      block, seesAll: false, labels: block.indices.dropLast().map { .init(block[$0 + 1], at: $0) })
  }
}
