import AntBatch
import AntDevice
import AntModels
import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntEvaluation
@testable import AntInference

@Suite struct GenerationEvaluationTests {
  /// The perplexity is that of the texts that come out, token by token under the mask they were generated with.
  @Test(arguments: [false, true])
  func perplexityIsOfTheContinuations(prefix: Bool) throws {
    let tiny = try TinyRun()
    _ = try tiny.start("run", tiny.configuration("1_CLM+1_PrefixLM")).train()
    let trained = try TrainedModel(tiny.scratch.path("run"), on: tiny.device())
    let evaluation = GenerationEvaluation(
      trained, tokens: 12, count: 3, seed: 5, readsPromptBothWays: prefix)
    let prompts = ["The dog", "A small cat sees"].map { GenerationEvaluation.Prompt($0, place: $0) }
    let (results, all) = try evaluation(prompts)
    let specials = trained.specials
    var sum = Score()
    for (index, (prompt, result)) in zip(prompts, results).enumerated() {
      let start = trained.tokenizer.encode(prompt.text)
      let continuations = try Generator(trained.model, specials: specials, readsPromptBothWays: prefix)(
        prompt: start, tokens: 12, seed: 5 + UInt64(index), count: 3)
      #expect(result.texts == continuations.map { trained.tokenizer.decode($0) })
      var score = Score()
      for continuation in continuations {
        let added = continuation + (continuation.count < 12 ? [specials.end] : [])
        let ids = [specials.beginning] + start + added
        for place in start.count + 1..<ids.count {
          let mask = AttentionMask(
            .prefix(prefix ? start.count + 1 : 0), sequences: 1, length: place)
          let logits = try trained.model.logits(
            Batch(ids: Array(ids[..<place]), mask: mask), rows: [Int32(place - 1)])
          let total = logits.reduce(0.0) { $0 + exp(Double($1)) }
          score += Score(tokens: 1, logProbability: Double(logits[Int(ids[place])]) - log(total))
        }
      }
      #expect(result.score.tokens == score.tokens)
      #expect(abs(result.score.logProbability - score.logProbability) < 1e-3)
      sum += result.score
    }
    #expect(all.score == sum && all.texts.count == 6 && all.diversity.texts == 6)
    #expect(all.diversity == Diversity(results.map(\.texts)))
  }

  @Test func promptsThatLeaveNoRoom() throws {
    let tiny = try TinyRun()
    _ = try tiny.start("run", tiny.configuration("2s_CLM")).train()
    let trained = try TrainedModel(tiny.scratch.path("run"), on: tiny.device())
    let prompt = GenerationEvaluation.Prompt("The dog", place: "p.txt, line 3")
    let count = trained.tokenizer.encode(prompt.text).count + 1
    #expect(
      throws: InferenceError.noRoom(place: prompt.place, prompt: count, tokens: 34 - count, maximum: 32)
    ) { try GenerationEvaluation(trained, tokens: 34 - count)([prompt]) }
    #expect(throws: Never.self) { try GenerationEvaluation(trained, tokens: 33 - count)([prompt]) }
  }
}
