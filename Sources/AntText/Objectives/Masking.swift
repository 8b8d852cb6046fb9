import AntRandom

/// Chooses tokens to be predicted and hides them: of those chosen 80 % are replaced by [MASK], 10 % by a random
/// ordinary token, 10 % are left (Devlin et al., "BERT", 2019). Special tokens are neither chosen nor drawn as a
/// replacement.
public struct Masking: Sendable {
  /// What is chosen at a time.
  public enum Unit: String, Sendable, Codable, CaseIterable {
    /// Each token for itself. A position owns one Philox block, number sample * 2^20 + position: word 0
    /// chooses, word 1 decides among the three fates, word 2 draws the replacement.
    case tokens
    /// Runs of tokens (Joshi et al., "SpanBERT", 2020, as LTG-BERT draws them): as many tokens as a draw from
    /// Binomial(ordinary tokens, rate) says, at least one, in spans of Geometric(1/3) mod 10 tokens that begin
    /// anywhere; a span has one fate, its tokens replacements of their own. The last span is cut to fit.
    case spans
  }

  /// A position that is to be predicted, and what became of it.
  public struct Choice: Sendable {
    public var position: Int
    /// What the model sees there.
    public var input: Int32
  }

  public let vocabularySize: Int
  public let specials: SpecialTokens
  /// The share of ordinary tokens that are to be predicted.
  public let rate: Float
  public let unit: Unit
  private let specialIDs: [Int32]

  /// Positions that a sample has Philox blocks for.
  static let positionsPerSample = 1 << 20

  public init(
    vocabularySize: Int, specials: SpecialTokens = .standard, rate: Float = 0.15, unit: Unit = .tokens
  ) {
    precondition((0...1).contains(rate), "Masking: a rate of \(rate)")
    self.vocabularySize = vocabularySize
    self.specials = specials
    self.rate = rate
    self.unit = unit
    specialIDs = specials.ids
  }

  /// What is to be predicted in `block`, in order. It depends on (seed, epoch, sample) alone.
  public func choose(in block: [Int32], sample: Int, epoch: Int, seed: UInt64) -> [Choice] {
    precondition(block.count <= Self.positionsPerSample, "Masking: a block of \(block.count) tokens")
    precondition(specials.mask != SpecialTokens.absent, "Masking: a vocabulary without a mask token")
    let firstDraw = UInt64(sample) * UInt64(Self.positionsPerSample)
    switch unit {
    case .tokens:
      let stream = RandomStream(seed: seed, purpose: .masking, step: epoch)
      return block.indices.compactMap { position in
        guard !specials.contains(block[position]) else { return nil }
        let draw = stream.block(firstDraw + UInt64(position))
        guard Philox.uniform(draw[0]) < rate else { return nil }
        return Choice(
          position: position,
          input: input(block[position], fate: Philox.uniform(draw[1]), replacement: draw[2]))
      }
    case .spans:
      let stream = RandomStream(seed: seed, purpose: .masking, layer: 1, step: epoch)
      return spans(in: block) { stream.block(firstDraw + $0) }
    }
  }

  private func spans(in block: [Int32], draw: (UInt64) -> Philox.Block) -> [Choice] {
    let ordinary = block.indices.filter { !specials.contains(block[$0]) }
    guard !ordinary.isEmpty else { return [] }
    // Blocks 0 to count - 1 count and replace; from there on each is a span.
    let wanted = max(1, ordinary.filter { Philox.uniform(draw(UInt64($0))[0]) < rate }.count)
    var inputs: [Int: Int32] = [:]
    var number = block.count
    while inputs.count < wanted && number < Self.positionsPerSample {
      defer { number += 1 }
      let words = draw(UInt64(number))
      let length = Self.geometric(Philox.uniform(words[0])) % 10
      let start = Int((UInt64(words[1]) * UInt64(block.count)) >> 32)
      for position in start..<min(start + length, block.count)
      where inputs.count < wanted && inputs[position] == nil && !specials.contains(block[position]) {
        inputs[position] = input(
          block[position], fate: Philox.uniform(words[2]), replacement: draw(UInt64(position))[2])
      }
    }
    return inputs.sorted { $0.key < $1.key }.map { Choice(position: $0.key, input: $0.value) }
  }

  /// Tries until a success of probability 1/3, at least 1: `uniform` in [0, 1) is below `1 - (2/3)^n` first at n.
  static func geometric(_ uniform: Float) -> Int {
    var (tries, failure) = (1, 2.0 / 3)
    while Double(uniform) >= 1 - failure {
      tries += 1
      failure *= 2.0 / 3
    }
    return tries
  }

  private func input(_ token: Int32, fate: Float, replacement: UInt32) -> Int32 {
    if fate < 0.8 { return specials.mask }
    return fate < 0.9 ? ordinaryToken(replacement) : token
  }

  /// A token that is not special, each as likely as the next.
  private func ordinaryToken(_ word: UInt32) -> Int32 {
    let count = UInt64(vocabularySize - specialIDs.count)
    var id = Int32((UInt64(word) * count) >> 32)
    for special in specialIDs where special <= id { id += 1 }
    return id
  }
}
