import AntBatch
import Testing

@testable import AntText

@Suite struct ObjectiveTests {
  /// Blocks of ordinary tokens between <s> and </s>.
  private func blocks(_ count: Int, length: Int, vocabulary: Int) -> [[Int32]] {
    (0..<count).map { block in
      (0..<length).map { position in
        switch position {
        case 0: SpecialTokens.standard.beginning
        case length - 1: SpecialTokens.standard.end
        default: Int32(4 + (block * 31 + position * 7) % (vocabulary - 4))
        }
      }
    }
  }

  private func sample(
    _ number: Int, epoch: Int, seed: UInt64, _ masking: Masking = Masking(vocabularySize: 1000)
  ) -> Sample {
    Sample(number: number, epoch: epoch, seed: seed, masking: masking)
  }

  /// An objective of a caller's own: the tokens in reverse, each predicting the one that stood before it.
  private struct Reversed: Objective {
    let name = "Reversed"
    let summary = "the token before, read backwards"

    func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
      CausalObjective().sequence(from: block.reversed(), sample)
    }
  }

  @Test func aListTakesObjectivesOfACaller() throws {
    let list = Objectives.standard + [Reversed()]
    #expect(list.names == ["CLM", "MLM", "MNTP", "PrefixLM", "MDLM", "MIR", "Reversed"])
    let mine = try #require(list["Reversed"])
    let batch = mine.batch([[4, 5, 6]], from: sample(0, epoch: 0, seed: 1))
    #expect(batch.ids == [6, 5, 4] && batch.labels == [5, 4] && batch.labelRows == [0, 1])
    #expect(Objectives.standard["Reversed"] == nil)
    var maskless = SpecialTokens.standard
    maskless.mask = SpecialTokens.absent
    #expect(list.available(with: maskless).names == ["CLM", "PrefixLM", "Reversed"])
    #expect(list.available(with: .standard).names == list.names)
  }

  @Test func causalPredictsTheNextTokenOfItsOwnBlock() {
    let batch = CausalObjective().batch(
      [[1, 10, 11, 2], [12, 13, 14, 15]], from: sample(5, epoch: 3, seed: 9))
    #expect(batch.ids == [1, 10, 11, 2, 12, 13, 14, 15])
    #expect(batch.sequences == 2)
    #expect(batch.length == 4)
    #expect(batch.labelRows == [0, 1, 2, 4, 5, 6])
    #expect(batch.labels == [10, 11, 2, 13, 14, 15])
    #expect(batch.mask.keys(seenBy: 2, in: 1) == 0..<3)
  }

  @Test func maskedChoosesFifteenPercentAndSplitsThemEightyTenTen() {
    let vocabulary = 1000
    let blocks = blocks(400, length: 128, vocabulary: vocabulary)
    let batch = MaskedObjective().batch(
      blocks, from: sample(0, epoch: 0, seed: 1, Masking(vocabularySize: vocabulary)))
    let original = blocks.flatMap { $0 }
    let labelled = Set(batch.labelRows)
    #expect(batch.labelRows == labelled.sorted())
    #expect(batch.mask.keys(seenBy: 3, in: 7) == 0..<128)

    var masked = 0
    var replaced = 0
    var kept = 0
    for (row, label) in zip(batch.labelRows, batch.labels) {
      #expect(label == original[Int(row)])
      switch batch.ids[Int(row)] {
      case SpecialTokens.standard.mask: masked += 1
      case label: kept += 1
      default: replaced += 1
      }
    }
    for row in original.indices where !labelled.contains(Int32(row)) {
      #expect(batch.ids[row] == original[row])
    }
    // Five standard deviations of a binomial draw.
    func expect(_ count: Int, _ share: Double, of total: Int) {
      let deviation = (Double(total) * share * (1 - share)).squareRoot()
      #expect(abs(Double(count) - share * Double(total)) < 5 * deviation)
    }
    let chosen = batch.labels.count
    expect(chosen, 0.15, of: 400 * 126)
    expect(masked, 0.8, of: chosen)
    expect(replaced, 0.1, of: chosen)
    expect(kept, 0.1, of: chosen)
  }

  @Test func specialsAreNeverChosenNorDrawn() {
    // Specials inside the ordinary ids, and a vocabulary so small that a wrong draw would show.
    let specials = SpecialTokens(padding: 1, beginning: 3, end: 4, mask: 7)
    let objective = MaskedObjective()
    let block = (0..<2000).map { Int32($0 % 8) }
    let batch = objective.batch(
      [block], from: sample(0, epoch: 0, seed: 3, Masking(vocabularySize: 8, specials: specials, rate: 1)))
    #expect(batch.labels.count == 1000)
    #expect(batch.labels.allSatisfy { !specials.contains($0) })
    for (before, after) in zip(block, batch.ids) where before != after {
      #expect(!specials.contains(before))
      #expect(after == specials.mask || !specials.contains(after))
    }
    #expect(Set(batch.ids) == Set(0..<8))
  }

  @Test func furtherSpecialsAreLeftAloneToo() {
    let specials = SpecialTokens(padding: 5, beginning: 5, end: 5, mask: 2, others: [0, 6])
    #expect(specials.ids == [0, 2, 5, 6])
    let objective = MaskedObjective()
    let block = (0..<2000).map { Int32($0 % 8) }
    let batch = objective.batch(
      [block], from: sample(0, epoch: 0, seed: 3, Masking(vocabularySize: 8, specials: specials, rate: 1)))
    #expect(Set(batch.labels) == [1, 3, 4, 7])
    for (before, after) in zip(block, batch.ids) where before != after {
      #expect([2, 1, 3, 4, 7].contains(after))
    }
    let maskless = SpecialTokens(padding: 1, beginning: 1, end: 1, mask: SpecialTokens.absent)
    #expect(maskless.ids == [1])
  }

  @Test func masksDependOnTheSampleAndNotOnTheSplit() {
    let blocks = blocks(12, length: 64, vocabulary: 300)
    let objective = MaskedObjective()
    let whole = objective.batch(blocks, from: sample(100, epoch: 2, seed: 7, Masking(vocabularySize: 300)))
    var ids: [Int32] = []
    var rows: [Int32] = []
    var labels: [Int32] = []
    var first = 0
    for size in [1, 5, 2, 4] {
      let part = objective.batch(
        Array(blocks[first..<first + size]),
        from: sample(100 + first, epoch: 2, seed: 7, Masking(vocabularySize: 300)))
      ids += part.ids
      rows += part.labelRows.map { $0 + Int32(first * 64) }
      labels += part.labels
      first += size
    }
    #expect(ids == whole.ids)
    #expect(rows == whole.labelRows)
    #expect(labels == whole.labels)
  }

  @Test func masksDifferByEpochSeedAndSample() {
    let blocks = blocks(4, length: 64, vocabulary: 300)
    let objective = MaskedObjective()
    func rows(_ firstSample: Int, _ epoch: Int, _ seed: UInt64) -> [Int32] {
      objective.batch(
        blocks, from: sample(firstSample, epoch: epoch, seed: seed, Masking(vocabularySize: 300))
      ).labelRows
    }
    #expect(rows(0, 0, 1) == rows(0, 0, 1))
    #expect(rows(0, 0, 1) != rows(0, 1, 1))
    #expect(rows(0, 0, 1) != rows(0, 0, 2))
    #expect(rows(0, 0, 1) != rows(4, 0, 1))
  }

  @Test func aBlockOfSpecialsHasNoLabels() {
    let batch = MaskedObjective().batch(
      [[1, 2, 1, 2]], from: sample(0, epoch: 0, seed: 1, Masking(vocabularySize: 100)))
    #expect(batch.labelRows.isEmpty)
    #expect(batch.ids == [1, 2, 1, 2])
  }

  /// Spans: as many tokens as by single tokens, in runs of three or so, each with one fate.
  @Test func spansAreRuns() {
    let blocks = blocks(400, length: 128, vocabulary: 1000)
    let batch = MaskedObjective().batch(
      blocks, from: sample(0, epoch: 0, seed: 1, Masking(vocabularySize: 1000, unit: .spans)))
    let original = blocks.flatMap { $0 }
    let expected = 0.15 * 400 * 126
    #expect(abs(Double(batch.labels.count) - expected) < 5 * (expected * 0.85).squareRoot())
    #expect(batch.labelRows == Set(batch.labelRows).sorted())
    for (row, label) in zip(batch.labelRows, batch.labels) {
      #expect(label == original[Int(row)] && !SpecialTokens.standard.contains(label))
    }
    let runs = zip(batch.labelRows.dropFirst(), batch.labelRows).filter { $0 != $1 + 1 }.count + 1
    let mean = Double(batch.labels.count) / Double(runs)
    // Geometric(1/3) mod 10 has a mean of 2.7; spans that meet are longer, cut ones shorter.
    #expect(mean > 2.3 && mean < 3.5, "\(mean) tokens a run")
    let masked = batch.labelRows.filter { batch.ids[Int($0)] == SpecialTokens.standard.mask }.count
    #expect(abs(Double(masked) / Double(batch.labels.count) - 0.8) < 0.03)
    // Every block has a label, however short it is.
    let short = MaskedObjective().batch(
      (0..<50).map { [1, 10 + $0, 2] },
      from: sample(0, epoch: 0, seed: 1, Masking(vocabularySize: 1000, unit: .spans)))
    #expect(short.labelRows == (0..<50).map { 3 * $0 + 1 })
  }

  @Test func geometricCountsTries() {
    let counts = (0..<30_000).reduce(into: [Int: Int]()) {
      $0[Masking.geometric(Float($1) / 30_000), default: 0] += 1
    }
    for (tries, share) in [1: 1.0 / 3, 2: 2.0 / 9, 3: 4.0 / 27, 4: 8.0 / 81] {
      #expect(abs(Double(counts[tries] ?? 0) / 30_000 - share) < 1e-3)
    }
    #expect(counts[0] == nil)
  }

  /// Hidden as in MLM, asked for one position earlier.
  @Test(arguments: Masking.Unit.allCases)
  func maskedNextPredictsOneEarlier(unit: Masking.Unit) {
    let blocks: [[Int32]] = (0..<20).map { block in
      (0..<32).map { (place: Int) -> Int32 in Int32(4 + (block * 5 + place * 3) % 90) }
    }
    let masking = Masking(vocabularySize: 100, unit: unit)
    let here = MaskedObjective().batch(blocks, from: sample(3, epoch: 1, seed: 2, masking))
    let earlier = MaskedNextObjective().batch(blocks, from: sample(3, epoch: 1, seed: 2, masking))
    let kept = here.labelRows.indices.filter { here.labelRows[$0] % 32 != 0 }
    #expect(earlier.labelRows == kept.map { here.labelRows[$0] - 1 })
    #expect(earlier.labels == kept.map { here.labels[$0] })
    #expect(kept.count < here.labels.count)
    for row in here.ids.indices {
      #expect(earlier.ids[row] == (row % 32 == 0 ? blocks[row / 32][0] : here.ids[row]))
    }
    #expect(earlier.mask == here.mask)
  }

  /// Whatever is predicted comes after the prefix and is not seen by who predicts it.
  @Test func prefixesSeeThemselvesAndPredictTheRest() {
    let blocks = blocks(200, length: 16, vocabulary: 100)
    let batch = PrefixObjective().batch(blocks, from: sample(4, epoch: 0, seed: 1))
    #expect(batch.ids == blocks.flatMap { $0 })
    var prefixes: Set<Int> = []
    for sequence in 0..<200 {
      let prefix = batch.mask.keys(seenBy: 0, in: sequence).upperBound
      prefixes.insert(prefix)
      let rows = batch.labelRows.filter { Int($0) / 16 == sequence }.map { Int($0) % 16 }
      #expect(rows == Array(prefix - 1..<15))
      for row in rows { #expect(!batch.mask.keys(seenBy: row, in: sequence).contains(row + 1)) }
    }
    #expect(prefixes == Set(1...15))
    #expect(zip(batch.labelRows, batch.labels).allSatisfy { batch.ids[Int($0) + 1] == $1 })
    let part = PrefixObjective().batch(Array(blocks[7..<9]), from: sample(11, epoch: 0, seed: 1))
    #expect(part.mask.sequences == Array(batch.mask.sequences[7..<9]))
  }
}
