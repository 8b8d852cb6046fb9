import AntBatch
import Testing

@testable import AntText

@Suite struct MixtureTests {
  private let fifteenToOne = Mixture([.init("MNTP", share: 15), .init("CLM")])
  private func sample(_ number: Int = 0, epoch: Int = 0, seed: UInt64 = 1, heldOut: Bool = false) -> Sample {
    Sample(
      number: number, epoch: epoch, seed: seed, masking: Masking(vocabularySize: 1000), isHeldOut: heldOut)
  }

  /// Whatever a step holds, and where the batch is smaller than the shares' sum: never off by more than one sequence an
  /// objective, and right at the end of every run of sequences.
  @Test(arguments: [1, 3, 8, 16, 32, 40]) func exactSharesAreExact(batch: Int) {
    for mixture in [
      fifteenToOne, Mixture([.init("A", share: 2), .init("B", share: 3), .init("C", share: 5)]),
    ] {
      var given = mixture.members.map { _ in 0 }
      for step in 0..<mixture.total {
        let counts = mixture.exactCounts(of: batch, step: step)
        #expect(counts.reduce(0, +) == batch)
        for (index, member) in mixture.members.enumerated() {
          given[index] += counts[index]
          let due = Double((step + 1) * batch * member.share) / Double(mixture.total)
          #expect(abs(Double(given[index]) - due) <= 1)
        }
      }
      #expect(given == mixture.members.map { $0.share * batch })
    }
    #expect(Mixture("CLM").exactCounts(of: batch, step: 5) == [batch])
  }

  /// Within five standard deviations, the same again for the same samples, and other ones in another epoch.
  @Test func drawnSharesAreDrawn() {
    let counts = fifteenToOne.drawnCounts(of: 16_000, from: sample())
    #expect(counts.reduce(0, +) == 16_000 && abs(counts[1] - 1000) < 154)
    #expect(counts == fifteenToOne.drawnCounts(of: 16_000, from: sample()))
    #expect(counts != fifteenToOne.drawnCounts(of: 16_000, from: sample(epoch: 1)))
    let halves = [
      fifteenToOne.drawnCounts(of: 7000, from: sample()),
      fifteenToOne.drawnCounts(of: 9000, from: sample(7000)),
    ]
    #expect(counts == [halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]])
  }

  /// Worked by hand: of four sequences three are CLM's with 3, 3 and 1 labels, one is MIR's with 2, which counts half.
  /// The loss is (3 loss_CLM + 0.5 loss_MIR) / 3.5.
  @Test func theLossIsTheMeanOfItsObjectives() throws {
    let mixture = Mixture([.init("CLM", share: 3), .init("MIR")])
    let blocks: [[Int32]] = [[4, 5, 6, 7], [8, 9, 10, 11], [12, 13], [14, 15, 16]]
    let (sequences, parts) = Objectives.standard.sequences(
      mixture, over: blocks, from: sample(), counts: [3, 1], weights: [1, 0.5])
    #expect(parts.count == 2 && abs(parts[0] - 3 / 3.5) < 1e-12 && abs(parts[1] - 0.5 / 3.5) < 1e-12)
    let batch = Batch(sequences, padding: 3)
    #expect(batch.labels == [5, 6, 7, 9, 10, 11, 13, 15, 16])
    #expect(batch.groups == [0..<7, 7..<9] && abs(batch.denominator - 1) < 1e-12)
    let losses: [Float] = [1, 2, 3, 4, 5, 6, 7, 10, 30]
    let expected = (3 * (28.0 / 7) + 0.5 * (40.0 / 2)) / 3.5
    #expect(abs(batch.weightedSum(losses) - expected) < 1e-6)
    // In two parts, one of which has no CLM, it is the same.
    let halves = [Batch(Array(sequences[..<3]), padding: 3), Batch(Array(sequences[3...]), padding: 3)]
    #expect(halves[1].groups == [0..<0, 0..<2] && halves[0].groups == [0..<7])
    let sum = halves[0].weightedSum(Array(losses[..<7])) + halves[1].weightedSum(Array(losses[7...]))
    #expect(abs(sum / halves.reduce(0) { $0 + $1.denominator } - expected) < 1e-6)
  }

  /// An objective that finds nothing to predict leaves the whole to the others.
  @Test func whatHasNoLabelsCountsNothing() {
    let mixture = Mixture([.init("CLM"), .init("MLM")])
    let (sequences, parts) = Objectives.standard.sequences(
      mixture, over: [[4, 5], [1, 2]], from: sample(), counts: [1, 1], weights: [1, 1])
    #expect(parts == [1, 0] && Batch(sequences, padding: 3).labelWeights == [])
  }

  @Test func oneObjectiveIsAsEver() {
    let blocks: [[Int32]] = [[4, 5, 6, 7], [8, 9, 10, 11]]
    let (sequences, parts) = Objectives.standard.sequences(
      "CLM", over: blocks, from: sample(), counts: [2], weights: [7])
    #expect(parts == [1] && Batch(sequences, padding: 3).labelWeights == [])
    #expect(Batch(sequences, padding: 3) == CausalObjective().batch(blocks, from: sample()))
  }

  // MARK: Documents

  /// Two ends, one begin and a rest: "a b </s>", "<s> c </s>", "<s> d".
  @Test func documentsAreKeptApart() {
    let block: [Int32] = [4, 5, 2, 1, 6, 2, 1, 7]
    var apart = sample()
    apart.splitsDocuments = true
    let batch = CausalObjective().batch([block], from: apart)
    #expect(
      batch.mask.sequences == [[.init(0..<3, prefix: 0), .init(3..<6, prefix: 0), .init(6..<8, prefix: 0)]])
    #expect(batch.labelRows == [0, 1, 3, 4, 6] && batch.labels == [5, 2, 6, 2, 7])
    #expect(batch.denominator == 5)
    #expect(batch.mask.positions() == [0, 1, 2, 0, 1, 2, 0, 1])
    // What is predicted in place is another document's never.
    apart.masking = Masking(vocabularySize: 1000, rate: 1)
    let masked = MaskedObjective().batch([block], from: apart)
    #expect(masked.labelRows == [0, 1, 4, 7])
    #expect(masked.mask.keys(seenBy: 4, in: 0) == 3..<6)
    let earlier = MaskedNextObjective().batch([block], from: apart)
    #expect(earlier.labelRows == [0, 3, 6] && earlier.labels == [5, 6, 7])
    // A prefix that ends within the second document.
    var sequence = TokenSequence(block, prefix: 5)
    sequence.split(at: [3, 6], shift: 1)
    #expect(
      sequence.documents == [.init(0..<3, prefix: 3), .init(3..<6, prefix: 2), .init(6..<8, prefix: 0)])
    // In a mixture too.
    let mixed = Objectives.standard.sequences(
      Mixture([.init("CLM"), .init("MLM")]), over: [block, block], from: apart, counts: [1, 1],
      weights: [1, 1])
    #expect(mixed.sequences.allSatisfy { $0.documents.count == 3 })
  }

  // MARK: Masked diffusion and masked inputs

  private let blocks: [[Int32]] = (0..<4000).map { block in
    (0..<32).map { position -> Int32 in
      let number: Int = block * 31 + position * 7
      return Int32(4 + number % 996)
    }
  }

  /// Half of all tokens are hidden on average, each is predicted in place, and a sequence's labels weigh what makes their
  /// expected sum that of all its tokens: the mean of hidden / p is the length.
  @Test func diffusionHidesAtADrawnRate() {
    let sequences = blocks.enumerated().map { DiffusionObjective().sequence(from: $1, sample($0)) }
    var (hidden, weighted) = (0, 0.0)
    for (block, sequence) in zip(blocks, sequences) {
      #expect(sequence.documents == [.init(0..<32, prefix: 32)] && sequence.denominator == 32)
      for label in sequence.labels {
        #expect(sequence.ids[label.position] == SpecialTokens.standard.mask)
        #expect(label.value == block[label.position] && label.weight == sequence.labels[0].weight)
        weighted += Double(label.weight)
      }
      #expect(zip(block, sequence.ids).filter { $0 != $1 }.count == sequence.labels.count)
      hidden += sequence.labels.count
    }
    let tokens = Double(blocks.count * 32)
    #expect(abs(Double(hidden) / tokens - 0.5) < 0.03)
    #expect(abs(weighted / tokens - 1) < 0.1)
  }

  /// Rates of held-out text are the middles of eight strata, in turn, so that every eight sequences have them all.
  @Test func heldOutRatesAreFixed() {
    let long = blocks.prefix(32).flatMap { $0 }
    let weights = (0..<16).map {
      DiffusionObjective().sequence(from: long, sample($0, heldOut: true)).labels[0].weight
    }
    let strata: [Float] = (0..<16).map { 8 / (Float($0 % 8) + 0.5) }
    #expect(weights == strata)
    let drawn = (0..<16).map { DiffusionObjective().sequence(from: long, sample($0)).labels[0].weight }
    #expect(Set(drawn).count == 16)
  }

  /// A quarter of the inputs is hidden on average, at most a half by rate, and every next token is a label all the same.
  @Test func maskedInputsAreStillPredictedFrom() {
    var hidden = 0
    for (number, block) in blocks.enumerated() {
      let sequence = MaskedInputObjective().sequence(from: block, sample(number))
      #expect(sequence.documents == [.init(0..<32, prefix: 0)])
      #expect(sequence.labels == CausalObjective().sequence(from: block, sample(number)).labels)
      hidden += sequence.ids.filter { $0 == SpecialTokens.standard.mask }.count
    }
    #expect(abs(Double(hidden) / Double(blocks.count * 32) - 0.25) < 0.02)
  }
}
