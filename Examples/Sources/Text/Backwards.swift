import AntBatch
import AntText

/// An objective of our own: the block is read from its end, and each token predicts the one that stood before it.
public struct Backwards: Objective {
  public let name = "Backwards"
  public let summary = "the token before, read from the end"

  public init() {}

  public func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
    let reversed = Array(block.reversed())
    return TokenSequence(
      reversed, seesAll: false, labels: reversed.indices.dropLast().map { .init(reversed[$0 + 1], at: $0) })
  }
}
