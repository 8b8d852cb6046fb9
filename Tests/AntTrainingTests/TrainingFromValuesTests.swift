import AntBatch
import AntModels
import AntTestSupport
import AntText
import AntTraining
import Foundation
import Testing

/// Runs that are begun on values rather than on files, under objectives of a caller's own.
@Suite struct TrainingFromValuesTests {
  private struct Reversed: Objective {
    let name = "Reversed"
    let summary = "the token before, read backwards"

    func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
      CausalObjective().sequence(from: block.reversed(), sample)
    }
  }

  @Test func valuesTrainAsFilesDo() throws {
    let tiny = try TinyRun()
    let tokenizer = try Tokenizer(contentsOf: URL(filePath: tiny.tokenizerFile))
    let tokens = try [tiny.training, tiny.development].map {
      let corpus = try TokenCorpus([$0], tokenizer: tokenizer)
      return TokenCorpus(corpus.tokens(0..<corpus.count))
    }
    let text = TrainingText(training: tokens[0], development: tokens[1])
    let model = try ModelConfiguration(contentsOf: URL(filePath: tiny.model))
    let list = Objectives.standard + [Reversed()]
    let folder = tiny.scratch.path("values")
    let configuration = tiny.configuration("3s_CLM+2s_Reversed")
    #expect(throws: ScheduleError.self) {
      try TrainingRun.start(
        configuration, model: model, tokenizer: tokenizer, text: text, in: folder, on: tiny.device())
    }
    do {
      let trainer = try TrainingRun.start(
        configuration, model: model, tokenizer: tokenizer, text: text, in: folder, on: tiny.device(),
        objectives: list)
      #expect(try trainer.train(until: { trainer.step >= 4 }) == .stopped(step: 4))
    }
    var losses: [String: Double] = [:]
    let resumed = try TrainingRun.resume(folder, on: tiny.device(), text: text, objectives: list)
    #expect(try resumed.train(report: { if !$0.devLosses.isEmpty { losses = $0.devLosses } }) == .finished)
    #expect(Set(losses.keys) == ["CLM", "MLM", "Reversed"] && losses.values.allSatisfy(\.isFinite))

    // What files give is the same to the bit, as far as both go the same way.
    let fromFiles = try tiny.start("files", tiny.configuration("3s_CLM"))
    #expect(try fromFiles.train() == .finished)
    let fromValues = try TrainingRun.start(
      tiny.configuration("3s_CLM"), model: fromFiles.model.configuration, tokenizer: tokenizer, text: text,
      in: tiny.scratch.path("again"), on: tiny.device())
    #expect(try fromValues.train() == .finished)
    #expect(try fromValues.model.parameters.read() == fromFiles.model.parameters.read())
  }

  /// A tokenizer without a mask token trains and evaluates what needs none, and is refused what does.
  @Test func withoutAMaskToken() throws {
    let tiny = try TinyRun()
    let text = try String(contentsOfFile: tiny.tokenizerFile, encoding: .utf8)
    let maskless = try tiny.scratch.write(
      text.replacingOccurrences(of: "[MASK]", with: "qqqq"), to: "maskless.json")
    #expect(try Tokenizer(contentsOf: URL(filePath: maskless)).specials.mask == SpecialTokens.absent)
    func start(_ schedule: String, _ name: String) throws -> Trainer {
      try TrainingRun.start(
        tiny.configuration(schedule), tokenizerFile: maskless, in: tiny.scratch.path(name), on: tiny.device())
    }
    var losses: [String: Double] = [:]
    let trainer = try start("3s_CLM+2s_PrefixLM", "causal")
    #expect(try trainer.train(report: { if !$0.devLosses.isEmpty { losses = $0.devLosses } }) == .finished)
    #expect(Set(losses.keys) == ["CLM", "PrefixLM"])
    for schedule in ["3s_MLM", "3s_CLM+1s_MNTP"] {
      #expect(throws: TokenizerError.noMask, "\(schedule)") { try start(schedule, "masked") }
    }
  }
}
