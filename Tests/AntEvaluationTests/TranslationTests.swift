import AntDevice
import AntFiles
import AntModels
import AntRandom
import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntEvaluation
@testable import AntInference
@testable import AntTraining

@Suite struct TranslationTests {
  /// Words of one letter in any order; a word is a token.
  private let words = ["a", "b", "c", "d", "e"]
  private let scratch = Scratch()
  private let tokenizer: Tokenizer

  init() throws {
    let text = try scratch.write(String(repeating: "a b c d e a b c d e\n", count: 4), to: "words.txt")
    tokenizer = try Tokenizer.train(on: [URL(filePath: text)], TokenizerOptions(vocabularySize: 270))
    try tokenizer.write(to: scratch.url.appending(path: "tokenizer.json"))
  }

  /// An untrained model in a folder of its own.
  private func model(_ name: String, ltgBert: Bool = false, layers: Int = 2) throws -> TrainedModel {
    let device = try TinyRun().device()
    let folder = scratch.url.appending(path: name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let configuration: any Architecture =
      ltgBert
      ? LTGBertConfiguration(
        vocabularySize: tokenizer.vocabularySize, hiddenSize: 32, intermediateSize: 48, layers: layers,
        heads: 4)
      : LlamaConfiguration(
        vocabularySize: tokenizer.vocabularySize, hiddenSize: 32, intermediateSize: 64, layers: layers,
        heads: 4,
        maximumLength: 16, initializerRange: 0.1)
    try configuration.makeModel(seed: 3, on: device).write(to: folder)
    try tokenizer.write(to: folder.appending(path: "tokenizer.json"))
    return try TrainedModel(folder.path, on: device)
  }

  /// Lines of two to five words, and the same backwards.
  private func pairs(_ count: Int, from first: Int = 0, names: (String, String)) throws -> ParallelText {
    let stream = RandomStream(seed: 5, purpose: .sampling)
    let lines = (first..<first + count).map { line in
      (0..<2 + line % 4).map { words[Int(stream.word(UInt64(8 * line + $0)) % 5)] }
    }
    let source = lines.map { $0.joined(separator: " ") + "\n" }.joined()
    let target = lines.map { $0.reversed().joined(separator: " ") + "\n" }.joined()
    return try ParallelText(
      source: scratch.write(source, to: names.0), target: scratch.write(target, to: names.1))
  }

  /// `<s> a b </s> c </s>`: c and the end are predicted, each from the place before; the source is the prefix.
  @Test func theTargetAloneIsPredicted() throws {
    let id = { (word: String) in tokenizer.encode(word)[0] }
    let inputs = TranslationInputs(
      [
        .init(source: "a b", target: "c"), .init(source: " c\r", target: "a b d"),
        .init(source: "a", target: "a"),
      ],
      tokenizer: tokenizer, length: 7)
    #expect(inputs.tooLong.isEmpty)
    let (b, d) = (tokenizer.encode("a b")[1], tokenizer.encode("a d")[1])
    let first: [Int32] = [1, id("a"), b, 2, id("c"), 2]
    let second: [Int32] = [1, id("c"), 2, id("a"), b, d, 2]
    let third: [Int32] = [1, id("a"), 2, id("a"), 2]
    #expect(inputs.sequences.map(\.ids) == [first, second, third])
    for mask in TranslationMask.allCases {
      let input = inputs.batch([0, 1], mask: mask, padding: 0)
      #expect(input.ids == first + [0] + second)
      #expect(input.labelRows == [3, 4, 9, 10, 11, 12])
      let predicted: [Int32] = [id("c"), 2, id("a"), b, d, 2]
      #expect(input.labels == predicted)
      // What each position sees: no label, and no padding.
      for (sequence, (count, prefix)) in [(6, 4), (7, 3)].enumerated() {
        for position in 0..<count {
          let end = max(position + 1, mask == .prefix ? prefix : 0)
          #expect(input.mask.keys(seenBy: position, in: sequence) == 0..<end)
        }
      }
      #expect(input.mask.keys(seenBy: 6, in: 0).isEmpty)
    }
    #expect(
      TranslationInputs(
        [.init(source: "a", target: "a b"), .init(source: "a", target: "a")], tokenizer: tokenizer, length: 5
      )
      .tooLong == [0])
    // Parts of similar length, each index once.
    let parts = inputs.parts([2, 0, 1], positions: 12)
    #expect(parts.map(Array.init) == [[2, 0], [1]])
  }

  /// However pairs are cut into parts, the loss is that which the scorer gives the target after the source.
  @Test(arguments: TranslationMask.allCases)
  func lossIsTheMeanOverTheTarget(mask: TranslationMask) throws {
    let trained = try model("mean")
    let text = try pairs(600, names: ("a", "b"))
    let training = try TranslationTraining(trained, training: text, mask: mask)
    let inputs = TranslationInputs(text.pairs, tokenizer: tokenizer, length: 16)
    let total = try Scorer(trained.model, specials: trained.specials)(
      inputs.sequences.map {
        ScoredText(
          Array($0.ids.dropFirst()), from: $0.start - 1, prefix: mask == .prefix ? $0.start : 0)
      }, .causal
    ).reduce(into: Score()) { $0 += $1 }
    #expect(inputs.parts(inputs.sequences.indices, positions: 4096).count > 1)
    let mean = try #require(try training.loss(of: inputs))
    #expect(abs(mean + total.logProbability / Double(total.tokens)) < 1e-5)
    #expect(
      total.tokens
        == inputs.sequences.indices.reduce(0) {
          $0 + inputs.sequences[$1].ids.count - inputs.sequences[$1].start
        })
  }

  /// Lines are said backwards, after some seconds, under either mask and in either architecture.
  @Test(arguments: TranslationMask.allCases, [false, true])
  func learnsToReverse(mask: TranslationMask, ltgBert: Bool) throws {
    let trained = try model("reverse", ltgBert: ltgBert)
    let development = try pairs(40, from: 1000, names: ("dev.a", "dev.b"))
    var settings = TranslationTraining.defaultSettings
    settings.learningRate = 8e-3
    settings.batch = 32
    settings.epochs = 14
    let training = try TranslationTraining(
      trained, training: pairs(900, names: ("a", "b")), development: development, mask: mask,
      settings: settings,
      dropout: 0)
    let before = Translator(trained, mask: mask, width: 1)
    #expect(try before(["a b c"])[0].text != "c b a")
    let result = try training()
    #expect(result.outcome == .finished || result.outcome == .stoppedEarly)
    #expect(result.losses.count >= 3 && result.bestEpoch.map { result.losses[$0 - 1] } == result.losses.min())
    for width in [1, 3] {
      let translator = Translator(trained, mask: mask, width: width)
      let translations = try translator(development.pairs.map(\.source))
      let right = zip(translations, development.pairs).filter { $0.text == $1.target && $0.isWhole }.count
      #expect(right >= 36, "\(mask), width \(width): \(right) of 40")
    }
    // The other mask is not what it learned.
    let translations = try Translator(trained, mask: mask == .prefix ? .causal : .prefix, width: 1)(
      development.pairs.map(\.source))
    let right = zip(translations, development.pairs).filter { $0.text == $1.target }.count
    #expect(right < 36)
  }

  /// A batch that is run in parts gives the weights of the whole but for the order of sums.
  @Test func partsMakeTheWhole() throws {
    func weights(positions: Int) throws -> [Float] {
      let trained = try model("parts")
      var settings = TranslationTraining.defaultSettings
      settings.batch = 12
      settings.epochs = 2
      var training = try TranslationTraining(
        trained, training: pairs(40, names: ("a", "b")), mask: .prefix, settings: settings, dropout: 0)
      training.positions = positions
      #expect(try training().bestEpoch == 2)
      return try trained.model.device.read(trained.model.parameters.values)
    }
    let whole = try weights(positions: 1024)
    let parts = try weights(positions: 40)
    #expect(parts != whole, "a batch of twelve was not split")
    let difference = zip(whole, parts).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    let norm = whole.reduce(0) { $0 + Double($1 * $1) }
    #expect(difference.squareRoot() < 1e-4 * norm.squareRoot(), "\((difference / norm).squareRoot())")
  }

  /// The same seed gives the same bits, on one thread and on two; another one does not.
  @Test func sameSeedSameBits() throws {
    func weights(seed: UInt64, threads: Int) throws -> [Float] {
      _ = try model("bits")
      let device = try TinyRun().device(threads: threads)
      let trained = try TrainedModel(scratch.path("bits"), on: device)
      var settings = TranslationTraining.defaultSettings
      settings.batch = 12
      settings.epochs = 2
      settings.seed = seed
      let training = try TranslationTraining(
        trained, training: pairs(40, names: ("a", "b")), mask: .prefix, settings: settings, dropout: 0.1)
      #expect(try training().bestEpoch == 2)
      return try device.read(trained.model.parameters.values)
    }
    let first = try weights(seed: 7, threads: 1)
    #expect(try weights(seed: 7, threads: 2) == first)
    #expect(try weights(seed: 8, threads: 1) != first)
  }

  /// Saved and opened, a model translates as before, and the folder says how.
  @Test func foldersTranslateAsBefore() throws {
    let trained = try model("saved")
    let training = try TranslationTraining(
      trained, training: pairs(60, names: ("a", "b")), mask: .causal)
    _ = try training()
    try training.write(to: scratch.path("out"))
    let opened = try TrainedModel(scratch.path("out"), on: trained.model.device)
    #expect(try Translator.mask(of: opened) == .causal)
    try ModelExchange.export(opened, with: FineTuning.files, to: scratch.path("exported"))
    let exported = try TrainedModel(scratch.path("exported"), on: trained.model.device)
    #expect(try Translator.mask(of: exported) == .causal)
    let file = exported.folder.appending(path: Translator.fileName)
    for (text, problem) in [
      ("{", "no JSON"), ("{}", "no \"mask\""), ("{\"mask\": \"half\"}", "\"mask\" is 'half'"),
    ] {
      try FileSystem.write(Data(text.utf8), to: file)
      let error = #expect(throws: TranslationError.self) { try Translator.mask(of: exported) }
      #expect(error?.description.contains(problem) == true, "\(error as Any)")
    }
    let lines = ["a b c", "", "d", " e e "]
    let before = try Translator(trained, mask: .causal)(lines)
    #expect(try Translator(opened, mask: .causal)(lines) == before)
    #expect(before[1].text.isEmpty && before[1].isWhole)
    #expect(throws: TranslationError.noMask(folder: trained.folder.path)) { try Translator.mask(of: trained) }
    #expect(throws: InferenceError.tooLong(item: 3, tokens: 17, maximum: 16)) {
      try Translator(opened, mask: .causal)(["a", "", String(repeating: "a ", count: 15)])
    }
    #expect(throws: RunError.folderNotEmpty(path: scratch.path("out"))) {
      try training.write(to: scratch.path("out"))
    }
  }

  /// Asked to stop after the second epoch, it keeps that: there is nothing to judge by.
  @Test func stopsWhenAsked() throws {
    let trained = try model("stopped")
    var settings = TranslationTraining.defaultSettings
    settings.epochs = 9
    let training = try TranslationTraining(
      trained, training: pairs(64, names: ("a", "b")), mask: .prefix, settings: settings)
    var steps = 0
    let result = try training(until: { steps >= 2 }, report: { _ in steps += 1 })
    #expect(result.outcome == .interrupted && result.bestEpoch == 2)
  }
}
