import AntAutograd
import AntBatch
import AntDevice
import AntDevices
import AntFiles
import AntModels
import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntInference

private let specials = SpecialTokens(padding: 0, beginning: 1, end: 2, mask: 3)

/// A model whose logits are a known function of where a row is and of what it may see: token c at row r that sees the
/// ids S has the logit `sin(7 c + 0.37 r + sum over S of (id + 1) sqrt(position + 1))`.
private final class KnownModel: LanguageModel {
  var parameters: Parameters { fatalError("KnownModel has no parameters") }
  let maximumLength: Int
  let vocabularySize = 9
  /// Sequences x length of each call.
  var calls: [(Int, Int)] = []

  init(maximumLength: Int = 12) { self.maximumLength = maximumLength }

  func accumulateGradients(
    _ input: Batch, dropout: DropoutContext, into sum: LossSum
  ) {}

  func logits(_ input: Batch, rows: [Int32]) throws -> [Float] {
    try validate(input)
    calls.append((input.sequences, input.length))
    return rows.flatMap { row -> [Float] in
      let (sequence, position) = Int(row).quotientAndRemainder(dividingBy: input.length)
      var sum = 0.37 * Float(position)
      for key in input.mask.keys(seenBy: position, in: sequence) {
        sum += Float(input.ids[sequence * input.length + key] + 1) * Float(key + 1).squareRoot()
      }
      return (0..<vocabularySize).map { sin(7 * Float($0) + sum) }
    }
  }

  func losses(_ input: Batch) throws -> [Float] {
    let logits = try logits(input, rows: input.labelRows)
    return input.labels.enumerated().map { place, id in
      let row = logits[place * vocabularySize..<(place + 1) * vocabularySize]
      return log(row.reduce(0) { $0 + exp($1) }) - row[row.startIndex + Int(id)]
    }
  }

  /// `-log p(id)` where position `row` of `ids` sees `keys`.
  func loss(_ id: Int32, ids: [Int32], row: Int, keys: Range<Int>) -> Double {
    let sum = keys.reduce(0.37 * Float(row)) { $0 + Float(ids[$1] + 1) * Float($1 + 1).squareRoot() }
    let logits = (0..<vocabularySize).map { sin(7 * Float($0) + sum) }
    return Double(log(logits.reduce(0) { $0 + exp($1) }) - logits[Int(id)])
  }
}

@Suite struct ScorerTests {
  private let texts: [[Int32]] = [[5, 6, 7, 8], [4], [], [8, 8, 5, 4, 6, 7, 7], [6, 5]]
  private var scored: [ScoredText] { texts.map { ScoredText($0) } }

  @Test func causalScoresFollowTheChainRule() throws {
    let model = KnownModel()
    let scores = try Scorer(model, specials: specials)(scored, .causal)
    for (text, score) in zip(texts, scores) {
      let ids = [1] + text
      let expected = text.indices.reduce(0) { $0 - model.loss(text[$1], ids: ids, row: $1, keys: 0..<$1 + 1) }
      #expect(abs(score.logProbability - expected) < 1e-5)
      #expect(score.tokens == text.count)
      if !text.isEmpty { #expect(abs(log(score.perplexity) + expected / Double(text.count)) < 1e-5) }
    }
  }

  @Test func masksEachTokenAlone() throws {
    let model = KnownModel()
    let mlm = try Scorer(model, specials: specials)(scored, .mlm)
    let mntp = try Scorer(model, specials: specials)(scored, .mntp)
    for (text, (mlm, mntp)) in zip(texts, zip(mlm, mntp)) {
      var (inPlace, earlier) = (0.0, 0.0)
      for place in text.indices {
        var ids = [1] + text + [2]
        ids[place + 1] = 3
        inPlace -= model.loss(text[place], ids: ids, row: place + 1, keys: 0..<ids.count)
        earlier -= model.loss(text[place], ids: ids, row: place, keys: 0..<ids.count - 1)
      }
      #expect(abs(mlm.logProbability - inPlace) < 1e-5)
      #expect(abs(mntp.logProbability - earlier) < 1e-5)
    }
  }

  /// Of a text that is given in part the rest is scored, in its light; however it is batched.
  @Test func whatIsGivenDoesNotCount() throws {
    let model = KnownModel()
    let text: [Int32] = [5, 6, 7, 8, 4]
    for scoring in Scoring.allCases {
      let whole = try Scorer(model, specials: specials)([ScoredText(text)], scoring)[0]
      let parts = try (0..<5).map { start in
        try Scorer(model, specials: specials)(
          [ScoredText(text, from: start), ScoredText(text, from: start + 1)], scoring)
      }
      let sum = parts.reduce(0.0) { $0 + $1[0].logProbability - $1[1].logProbability }
      #expect(abs(sum - whole.logProbability) < 1e-4)
      #expect(parts[3].map(\.tokens) == [2, 1])
      let alone = try Scorer(model, specials: specials, positions: 1)(scored, scoring)
      let together = try Scorer(model, specials: specials)(scored, scoring)
      #expect(zip(alone, together).allSatisfy { abs($0.logProbability - $1.logProbability) < 1e-5 })
    }
  }

  @Test func batchesAreBoundedAndProgressIsTold() throws {
    let model = KnownModel()
    let many = (0..<3000).map { ScoredText([Int32](repeating: Int32(4 + $0 % 5), count: 1 + $0 % 7)) }
    var last = (0, 0)
    _ = try Scorer(model, specials: specials)(many, .causal) { last = ($0, $1) }
    let positions = many.reduce(0) { $0 + $1.tokens.count }
    #expect(last == (positions, positions))
    #expect(model.calls.count > 1 && model.calls.allSatisfy { $0.0 * $0.1 <= 4096 })
  }

  @Test func longTextsAreNamed() {
    let long = [Int32](repeating: 5, count: 11)
    #expect(throws: InferenceError.tooLong(item: 2, tokens: 13, maximum: 12)) {
      try Scorer(KnownModel(), specials: specials)([[5], long].map { ScoredText($0) }, .mlm)
    }
    #expect(throws: Never.self) {
      try Scorer(KnownModel(), specials: specials)([[5], long, long + [5]].map { ScoredText($0) }, .causal)
    }
  }
}

@Suite struct EmbedderTests {
  /// However texts are batched, a token's vector is what the model makes of its text alone; read causally it does
  /// not depend on what comes after, read both ways it does.
  @Test func eachTokenByItself() throws {
    let device = try Devices.open("cpu").device
    let models: [any Transformer] = [
      Llama(
        LlamaConfiguration(
          vocabularySize: 40, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 2, maximumLength: 12,
          initializerRange: 0.5), seed: 4, on: device),
      LTGBert(
        LTGBertConfiguration(
          vocabularySize: 40, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 2), seed: 4, on: device),
    ]
    func distance(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max() ?? 0 }
    for model in models {
      let embedder = Embedder(model, specials: specials)
      let texts: [[Int32]] = [[7, 9, 11, 13], [], [7, 9, 20], [30]]
      for mode in Embedder.Mode.allCases {
        let vectors = try embedder(texts, mode)
        #expect(vectors.map(\.count) == [4, 0, 3, 1])
        for (text, own) in zip(texts, vectors) {
          for (a, b) in zip(own, try embedder([text], mode)[0]) { #expect(distance(a, b) < 1e-5) }
        }
        let sees = distance(vectors[0][1], vectors[2][1]) > 1e-4
        #expect(sees == (mode == .masked))
      }
      // What predicts the next token is there.
      let ids = [specials.beginning] + texts[0]
      let input = Batch(ids: ids, mask: AttentionMask(.causal, sequences: 1, length: 5))
      #expect(try model.hiddenStates(input).count == 5 * 16)
    }
    #expect(Embedder.mean([[1, 2], [3, 6]]) == [2, 4])
    #expect(throws: InferenceError.tooLong(item: 2, tokens: 13, maximum: 12)) {
      try Embedder(models[0], specials: specials)([[5], [Int32](repeating: 5, count: 12)], .causal)
    }
  }
}

@Suite struct GeneratorTests {
  @Test func greedyTakesTheLikeliestAndSpecialsNever() throws {
    let model = KnownModel(maximumLength: 6)
    let added = try Generator(model, specials: specials)(
      prompt: [5, 6], tokens: 12, sampler: Sampler(temperature: 0))[0]
    // Step by step by the definition, the window moving on when six positions are full.
    var ids: [Int32] = [1, 5, 6]
    var start = 0
    var expected: [Int32] = []
    for _ in 0..<12 {
      if ids.count - start > 6 { start = ids.count - 3 }
      let window = Array(ids[start...])
      let losses = [2, 4, 5, 6, 7, 8].map {
        ($0, model.loss($0, ids: window, row: window.count - 1, keys: 0..<window.count))
      }
      let next = losses.min { $0.1 < $1.1 }!.0
      if next == 2 { break }
      ids.append(next)
      expected.append(next)
    }
    #expect(added == expected && !added.isEmpty)
    #expect(model.calls.allSatisfy { $0.1 <= 6 })
  }

  @Test func samplesDependOnTheSeedAlone() throws {
    let generator = Generator(KnownModel(), specials: specials)
    let a = try generator(prompt: [5], tokens: 8, seed: 3, count: 4)
    let b = try generator(prompt: [5], tokens: 8, seed: 3, count: 6)
    #expect(a == Array(b.prefix(4)))
    #expect(Set(b).count > 2)
    #expect(try generator(prompt: [5], tokens: 8, seed: 4, count: 4) != a)
    #expect(b.allSatisfy { $0.allSatisfy { $0 > 3 } && $0.count <= 8 })
  }

  /// A model with a cache against the same model without one, beyond its last position.
  @Test func aCacheChangesNothing() throws {
    final class Uncached: LanguageModel {
      let model: any Transformer
      init(_ model: any Transformer) { self.model = model }
      var parameters: Parameters { model.parameters }
      var maximumLength: Int { model.maximumLength }
      var vocabularySize: Int { model.vocabularySize }
      func accumulateGradients(
        _ input: Batch, dropout: DropoutContext, into sum: LossSum
      ) {}
      func losses(_ input: Batch) throws -> [Float] { [] }
      func logits(_ input: Batch, rows: [Int32]) throws -> [Float] {
        try model.logits(input, rows: rows)
      }
    }
    let device = try Devices.open("cpu").device
    let llama = Llama(
      LlamaConfiguration(
        vocabularySize: 40, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 2, maximumLength: 10,
        initializerRange: 0.5), seed: 4, on: device)
    let ltgBert = LTGBert(
      LTGBertConfiguration(
        vocabularySize: 40, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 2, farthestDistance: 16,
        bucketSize: 6), seed: 4, on: device)
    let prompt: [Int32] = [7, 9, 11]
    for (model, longest) in [(llama, 30), (ltgBert, 30)] as [(any Transformer, Int)] {
      for readsPromptBothWays in [false, true] {
        for sampler in [Sampler(temperature: 1, topP: 1), Sampler(temperature: 0, repetitionPenalty: 1.3)] {
          func generate(_ model: any LanguageModel) throws -> [[Int32]] {
            try Generator(model, specials: specials, readsPromptBothWays: readsPromptBothWays)(
              prompt: prompt, tokens: longest, sampler: sampler, count: 18)
          }
          let cached = try generate(model)
          #expect(try cached == generate(Uncached(model)))
          #expect(cached.contains { $0.count > 10 })
        }
      }
    }
  }

  @Test func aPromptMustFit() {
    #expect(throws: InferenceError.tooLong(item: nil, tokens: 13, maximum: 12)) {
      try Generator(KnownModel(), specials: specials)(prompt: [Int32](repeating: 5, count: 12), tokens: 1)
    }
  }
}

@Suite struct FillInTests {
  @Test func candidatesAreTheSoftmaxAtEachMask() throws {
    let model = KnownModel()
    let blanks = try FillIn(model, specials: specials)([5, 3, 6, 3], top: 9)
    let ids: [Int32] = [1, 5, 3, 6, 3, 2]
    #expect(blanks.count == 2)
    for (row, candidates) in zip([2, 4], blanks) {
      #expect(Set(candidates.map(\.id)) == [4, 5, 6, 7, 8])
      for candidate in candidates {
        let expected = exp(-model.loss(candidate.id, ids: ids, row: row, keys: 0..<6))
        #expect(abs(candidate.probability - expected) < 1e-6)
      }
      #expect(candidates.map(\.probability) == candidates.map(\.probability).sorted(by: >))
    }
    #expect(try FillIn(model, specials: specials)([3], top: 2)[0].count == 2)
  }

  @Test func refusesWhatHasNoBlankOrNoRoom() {
    #expect(throws: InferenceError.nothingToFill(mask: "[MASK]")) {
      try FillIn(KnownModel(), specials: specials)([5])
    }
    #expect(throws: InferenceError.self) {
      try FillIn(KnownModel(), specials: specials)([Int32](repeating: 3, count: 11))
    }
  }
}

@Suite struct TextLinesTests {
  private let scratch = Scratch()

  @Test func linesKeepTheirNumbers() throws {
    let path = try scratch.write("one\n\n  two \r\n", to: "text")
    #expect(try TextLines(path).lines == [.init(number: 1, text: "one"), .init(number: 3, text: "two")])
  }

  @Test func refusesWhatIsNoText() throws {
    let url = scratch.url.appending(path: "file")
    try Data([65, 10, 66, 0xE9, 10]).write(to: url)
    #expect(throws: TextFileError.invalid(path: url.path, line: 2)) { try TextLines(url.path) }
    try Data([65, 0, 66]).write(to: url)
    #expect(throws: TextFileError.binary(path: url.path)) { try TextLines(url.path) }
    try Data(" \n\n".utf8).write(to: url)
    #expect(throws: TextFileError.empty(path: url.path)) { try TextLines(url.path) }
    #expect(throws: FileError.self) { try TextLines(scratch.path("missing")) }
  }
}

@Suite struct MaskedGeneratorTests {
  /// As the method is written down: of all hidden places the likeliest picks stay, most certain first.
  private func unmask(_ model: KnownModel, _ prompt: [Int32], tokens: Int, steps: Int, shift: Int) -> [Int32]
  {
    var ids = [1] + prompt + [Int32](repeating: 3, count: tokens)
    for step in 0..<steps {
      let hidden = ids.indices.filter { ids[$0] == 3 }
      var picks: [(position: Int, token: Int32, loss: Double)] = []
      for position in hidden {
        // Of what may be written: the end token and the ordinary ones.
        let losses = [2, 4, 5, 6, 7, 8].map { token in
          (Int32(token), model.loss(Int32(token), ids: ids, row: position - shift, keys: ids.indices))
        }
        let best = losses.min { $0.1 < $1.1 }!
        picks.append((position, best.0, best.1))
      }
      let reveal = Int((Double(hidden.count) / Double(steps - step)).rounded(.up))
      for pick in picks.sorted(by: { $0.loss < $1.loss }).prefix(reveal) { ids[pick.position] = pick.token }
    }
    return Array(ids[(1 + prompt.count)...].prefix { $0 != 2 })
  }

  @Test(arguments: [(1, 0), (2, 0), (3, 1), (7, 0), (7, 1)])
  func theMostCertainComeFirst(steps: Int, shift: Int) throws {
    let greedy = Sampler(temperature: 0)
    for prompt in [[5, 6, 7], [], [8, 8], [4]] as [[Int32]] {
      let model = KnownModel()
      let texts = try MaskedGenerator(model, specials: specials, shift: shift)(
        prompt: prompt, tokens: 7, steps: steps, sampler: greedy, count: 2)
      let expected = unmask(model, prompt, tokens: 7, steps: steps, shift: shift)
      #expect(texts == [expected, expected], "\(prompt)")
      #expect(model.calls.count == steps)
    }
  }

  /// Draws are a text's own, whatever is written beside it, and the same for the same seed.
  @Test func drawsAreATextsOwn() throws {
    let generator = MaskedGenerator(KnownModel(), specials: specials)
    let many = try generator(prompt: [5], tokens: 8, seed: 3, count: 20)
    #expect(try generator(prompt: [5], tokens: 8, seed: 3, count: 5) == Array(many.prefix(5)))
    #expect(Set(many).count > 5)
    #expect(try generator(prompt: [5], tokens: 8, seed: 4, count: 20) != many)
    #expect(many.joined().allSatisfy { (4...8).contains($0) })
    #expect(try generator(prompt: [5], tokens: 0, count: 2) == [[], []])
    #expect(throws: InferenceError.noRoom(place: "the text", prompt: 2, tokens: 11, maximum: 12)) {
      try generator(prompt: [5], tokens: 11)
    }
  }

  /// What a run's schedule fills in says where hidden tokens are read; one that fills in nothing is refused.
  @Test func theScheduleSaysWhereToRead() throws {
    let tiny = try TinyRun()
    for (name, schedule, shift) in [
      ("mlm", "1s_CLM+1s_MLM", 0), ("mntp", "1s_[MNTP+CLM]", 1), ("both", "1s_MNTP+1s_MDLM", 0),
    ] {
      _ = try tiny.start(name, tiny.configuration(schedule)).train()
      let trained = try TrainedModel(tiny.scratch.path(name), on: tiny.device())
      #expect(try MaskedGenerator(trained).shift == shift && FillIn(trained).shift == shift)
      #expect(try MaskedGenerator(trained)(prompt: [10], tokens: 5, steps: 2).count == 1)
    }
    _ = try tiny.start("clm", tiny.configuration("1s_CLM+1s_MIR")).train()
    let path = tiny.scratch.path("clm")
    let causal = try TrainedModel(path, on: tiny.device())
    #expect(throws: InferenceError.notTrainedMasked(run: path, schedule: "1s_CLM+1s_MIR")) {
      try MaskedGenerator(causal)
    }
    // A checkpoint by itself tells nothing of its schedule.
    let checkpoint = try tiny.run("clm").checkpoint().url.path
    #expect(try MaskedGenerator(TrainedModel(checkpoint, on: tiny.device())).shift == 0)
  }
}
