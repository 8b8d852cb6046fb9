import Device

/// Masked-token prediction, MLM (Devlin et al., "BERT", 2019): 15 % of the tokens are chosen; of those 80 % are
/// replaced by [MASK], 10 % by a random ordinary token, 10 % are left. Every position sees the whole block, and
/// each chosen position predicts its own token.
///
/// Special tokens are neither chosen nor drawn as a replacement. A position owns one Philox block, number
/// sample * 2^20 + position: word 0 chooses, word 1 decides among the three fates, word 2 draws the
/// replacement. A block in which nothing is chosen has no label.
public struct MaskedObjective: Objective {
  public let name = "MLM"
  public let vocabularySize: Int
  public let specials: SpecialTokens
  /// The share of ordinary tokens that are to be predicted.
  public let maskRate: Float

  /// Positions that a sample has Philox blocks for.
  static let positionsPerSample = 1 << 20

  public init(vocabularySize: Int, specials: SpecialTokens = .standard, maskRate: Float = 0.15) {
    precondition(
      vocabularySize > specials.ids.count, "MaskedObjective: a vocabulary of \(vocabularySize) tokens")
    precondition(specials.mask != SpecialTokens.absent, "MaskedObjective: a vocabulary without a mask token")
    precondition((0...1).contains(maskRate), "MaskedObjective: a mask rate of \(maskRate)")
    self.vocabularySize = vocabularySize
    self.specials = specials
    self.maskRate = maskRate
  }

  public func batch(blocks: [[Int32]], firstSample: Int, epoch: Int, seed: UInt64) -> Batch {
    let length = commonLength(of: blocks, for: name)
    precondition(length <= Self.positionsPerSample, "MLM: a block of \(length) tokens")
    let stream = RandomStream(seed: seed, purpose: .masking, step: epoch)
    let specialIDs = specials.ids
    var ids = blocks.flatMap { $0 }
    var labelRows: [Int32] = []
    var labels: [Int32] = []
    for (sequence, block) in blocks.enumerated() {
      let firstDraw = UInt64(firstSample + sequence) * UInt64(Self.positionsPerSample)
      for (position, token) in block.enumerated() where !specials.contains(token) {
        let draw = stream.block(firstDraw + UInt64(position))
        guard Philox.uniform(draw[0]) < maskRate else { continue }
        let row = sequence * length + position
        labelRows.append(Int32(row))
        labels.append(token)
        let fate = Philox.uniform(draw[1])
        if fate < 0.8 {
          ids[row] = specials.mask
        } else if fate < 0.9 {
          ids[row] = ordinaryToken(draw[2], avoiding: specialIDs)
        }
      }
    }
    return Batch(
      ids: ids, sequences: blocks.count, length: length,
      mask: AttentionMask(.bidirectional, sequences: blocks.count, length: length),
      labelRows: labelRows, labels: labels)
  }

  /// A token that is not in `specialIDs` (ascending), each as likely as the next.
  private func ordinaryToken(_ word: UInt32, avoiding specialIDs: [Int32]) -> Int32 {
    let count = UInt64(vocabularySize - specialIDs.count)
    var id = Int32((UInt64(word) * count) >> 32)
    for special in specialIDs where special <= id { id += 1 }
    return id
  }
}
