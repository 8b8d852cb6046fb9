import AntDevice
import AntFiles
import AntModels
import AntTestSupport
import AntText
import AntTraining
import Foundation
import Testing

@testable import AntInference

/// A model with more tokens than its tokenizer is used as any other; nobody sees what is beyond.
@Suite struct PaddedVocabularyTests {
  private let tiny: TinyRun
  private let tokenizer: Tokenizer
  private let sizes: LlamaConfiguration
  private let device: any Device

  init() throws {
    tiny = try TinyRun()
    tokenizer = try Tokenizer(contentsOf: URL(filePath: tiny.tokenizerFile))
    sizes = LlamaConfiguration(
      vocabularySize: tokenizer.vocabularySize + 20, hiddenSize: 16, intermediateSize: 24, layers: 1,
      heads: 2,
      maximumLength: 32, tiesEmbeddings: false, initializerRange: 0.1)
    device = try tiny.device()
  }

  /// What is beyond the tokenizer is by far the likeliest, or half of it is, whatever comes before.
  private func folder() throws -> URL {
    let model = Llama(sizes, seed: 3, on: device)
    var flat = try model.parameters.read()
    let output = try #require(model.parameters.segments.first { $0.name == "lm_head.weight" })
    for row in tokenizer.vocabularySize..<sizes.vocabularySize {
      for column in 0..<16 {
        flat[output.offset + 16 * row + column] = (row + column * (row % 7)) % 2 == 0 ? 9 : -9
      }
    }
    model.parameters.write(flat)
    let folder = URL(filePath: tiny.scratch.path("padded"))
    try FileSystem.makeFolder(folder)
    try model.write(to: folder)
    try tokenizer.write(to: folder.appending(path: "tokenizer.json"))
    return folder
  }

  @Test func nothingBeyondIsEverWritten() throws {
    let folder = try folder()
    let trained = try TrainedModel(folder.path, on: device)
    let there = 0..<Int32(tokenizer.vocabularySize)
    let start = tokenizer.encode("The dog")
    // Without that the model would write nothing else.
    let wild = try Generator(trained.model, specials: trained.specials)(
      prompt: start, tokens: 4, sampler: Sampler(temperature: 0))[0]
    #expect(wild.contains { !there.contains($0) })
    for temperature in [0, 1, 5] as [Double] {
      let texts = try Generator(trained)(
        prompt: start, tokens: 8, sampler: Sampler(temperature: temperature, topP: 1), count: 4)
      #expect(texts.allSatisfy { $0.allSatisfy(there.contains) })
    }
    let mask = tokenizer.specials.mask
    let blanks = try FillIn(trained)(start + [mask], top: 1000)
    #expect(blanks[0].count == there.count - tokenizer.specials.ids.count)
    // What is beyond has its part of the probability all the same.
    #expect(blanks[0].reduce(0) { $0 + $1.probability } < 0.5)
    let found = try BeamSearch(
      trained.model, specials: trained.specials, vocabularySize: there.count, width: 3)([start]) { _ in 4 }
    #expect(found[0].allSatisfy { $0.ids.allSatisfy(there.contains) })
    let scores = try Scorer(trained.model, specials: trained.specials)([ScoredText(start)], .causal)
    #expect(scores[0].logProbability < -10)
  }

  @Test func comesInAndGoesOut() throws {
    let folder = try folder()
    let (architecture, problem) = try ModelExchange.importModel(
      from: folder.path, to: tiny.scratch.path("in"), on: device)
    #expect(problem == nil && architecture.vocabularySize == sizes.vocabularySize)
    try ModelExchange.export(TrainedModel(tiny.scratch.path("in"), on: device), to: tiny.scratch.path("out"))
    #expect(
      try TrainedModel(tiny.scratch.path("out"), on: device).model.vocabularySize == sizes.vocabularySize)
  }

  @Test func isTrained() throws {
    try JSONEncoder().encode(sizes).write(to: URL(filePath: tiny.model))
    #expect(try tiny.start("run", tiny.configuration("2s_CLM+2s_MLM")).train() == .finished)
    #expect(
      try TrainedModel(tiny.scratch.path("run"), on: device).model.vocabularySize == sizes.vocabularySize)
    // The other way round there are tokens without a place.
    var sizes = sizes
    sizes.vocabularySize = tokenizer.vocabularySize - 1
    try JSONEncoder().encode(sizes).write(to: URL(filePath: tiny.model))
    #expect(throws: TrainingError.self) { try tiny.start("small", tiny.configuration("2s_CLM")) }
  }

  /// What a run's config.json holds decides how its model is read: it is not passed over where it is damaged.
  @Test func aDamagedRunIsNamed() throws {
    #expect(try tiny.start("run", tiny.configuration("1s_CLM")).train() == .finished)
    let run = try tiny.run("run")
    var whole = String(decoding: try FileSystem.read(run.configuration), as: UTF8.self)
    whole.replace("\"schedule\" : \"1s_CLM\"", with: "\"schedule\" : 1")
    try FileSystem.write(Data(whole.utf8), to: run.configuration)
    let error = #expect(throws: RunError.self) { try TrainedModel(run.url.path, on: device) }
    #expect(error?.description.contains("\"antlm.schedule\"") == true, "\(error as Any)")
    _ = try TrainedModel(run.checkpoint().url.path, on: device)
  }

  /// Tokenizers of other kinds are named, and so is what has none or is no model at all.
  @Test(arguments: [
    (["vocab.json", "merges.txt"], "only vocab.json and merges.txt"), (["tokenizer.model"], "SentencePiece"),
    (["spiece.model"], "SentencePiece"), ([], "no tokenizer.json; copy"),
  ])
  func namesOtherTokenizers(files: [String], what: String) throws {
    let folder = try folder()
    try FileSystem.remove(folder.appending(path: "tokenizer.json"))
    for file in files { try FileSystem.write(Data("x".utf8), to: folder.appending(path: file)) }
    let error = try #require(throws: ModelTokenizerError.self) { try TrainedModel(folder.path, on: device) }
    #expect(error.description.contains(what) && !error.description.contains("\n"))
    let (_, problem) = try ModelExchange.importModel(
      from: folder.path, to: tiny.scratch.path("in"), on: device)
    #expect(problem == error.description)
    // No other tokenizer helps a model whose own is damaged.
    try FileSystem.write(Data("{".utf8), to: folder.appending(path: "tokenizer.json"))
    let damaged = try #require(throws: ModelTokenizerError.self) { try TrainedModel(folder.path, on: device) }
    #expect(damaged.description.hasSuffix("; copy that of the model there again"))
    #expect(!damaged.description.contains("train"))
    try FileSystem.rename(
      folder.appending(path: "model.safetensors"), to: folder.appending(path: "pytorch_model.bin"))
    let form = try #require(throws: ModelError.self) { try TrainedModel(folder.path, on: device) }
    #expect(form.description.contains("pickled by PyTorch"))
  }
}
