import AntBatch
import AntDevice
import AntDevices
import AntModels
import AntText
import Foundation
import Testing

@testable import AntInference

private let specials = SpecialTokens(padding: 0, beginning: 1, end: 2, mask: 3)

@Suite struct BeamSearchTests {
  private let device: any Device
  private let models: [any Transformer]
  private let prompts: [[Int32]] = [[7, 4, 5], [6], [9, 9, 4, 8], [5, 7, 6], [], [8], [4, 6, 5]]

  init() throws {
    device = try Devices.open("cpu").device
    models = [
      Llama(
        LlamaConfiguration(
          vocabularySize: 10, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 2, maximumLength: 12,
          initializerRange: 0.4), seed: 3, on: device),
      LTGBert(
        LTGBertConfiguration(
          vocabularySize: 10, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 2), seed: 9, on: device),
    ]
  }

  /// Log-probabilities of what comes after `text`, read whole.
  private func next(_ text: [Int32], prefix: Int, _ model: any Transformer) throws -> [Double] {
    let mask = AttentionMask(.prefix(prefix), sequences: 1, length: text.count)
    let logits = try model.logits(Batch(ids: text, mask: mask), rows: [Int32(text.count - 1)])
    let total = log(logits.reduce(0.0) { $0 + exp(Double($1)) })
    return logits.map { Double($0) - total }
  }

  /// The search as its description has it: one prompt, no cache, all candidates sorted.
  private func plainSearch(_ prompt: [Int32], tokens: Int, prefix: Bool, width: Int, _ model: any Transformer)
    throws -> [BeamSearch.Hypothesis]
  {
    let first = [specials.beginning] + prompt
    var alive = [BeamSearch.Hypothesis(ids: [], logProbability: 0, hasEnded: false)]
    var ended: [BeamSearch.Hypothesis] = []
    for _ in 0..<min(tokens, model.maximumLength - first.count + 1) where ended.count < width {
      var candidates: [(value: Double, place: Int, id: Int32)] = []
      for (place, hypothesis) in alive.enumerated() {
        let values = try next(first + hypothesis.ids, prefix: prefix ? first.count : 0, model)
        for id in [2] + (4..<model.vocabularySize) {
          candidates.append((hypothesis.logProbability + values[id], place, Int32(id)))
        }
      }
      candidates.sort { $0.value > $1.value }
      ended += candidates.prefix(width).filter { $0.id == specials.end }.map {
        BeamSearch.Hypothesis(ids: alive[$0.place].ids, logProbability: $0.value, hasEnded: true)
      }
      alive = candidates.filter { $0.id != specials.end }.prefix(width).map {
        BeamSearch.Hypothesis(ids: alive[$0.place].ids + [$0.id], logProbability: $0.value, hasEnded: false)
      }
    }
    return Array((ended.isEmpty ? alive : ended).sorted { score($0) > score($1) }.prefix(width))
  }

  private func score(_ hypothesis: BeamSearch.Hypothesis) -> Double {
    hypothesis.logProbability
      / pow((5 + Double(hypothesis.ids.count + (hypothesis.hasEnded ? 1 : 0))) / 6, 0.6)
  }

  private func expectEqual(
    _ found: [BeamSearch.Hypothesis], _ expected: [BeamSearch.Hypothesis], _ comment: Comment
  ) {
    #expect(found.map(\.ids) == expected.map(\.ids), comment)
    #expect(found.map(\.hasEnded) == expected.map(\.hasEnded), comment)
    for (a, b) in zip(found, expected) { #expect(abs(a.logProbability - b.logProbability) < 1e-4, comment) }
  }

  @Test(arguments: [false, true], [1, 2, 4])
  func isThePlainSearch(prefix: Bool, width: Int) throws {
    var ends = 0
    for model in models {
      for tokens in [1, 6, 11] {
        let search = BeamSearch(model, specials: specials, width: width, readsPromptBothWays: prefix)
        let found = try search(prompts) { _ in tokens }
        for (prompt, found) in zip(prompts, found) {
          let expected = try plainSearch(prompt, tokens: tokens, prefix: prefix, width: width, model)
          expectEqual(found, expected, "\(prompt), \(tokens) tokens")
          ends += found.filter(\.hasEnded).count
        }
      }
    }
    #expect(ends > 20)
  }

  /// So wide that nothing is lost, it finds every text that ends in time, the most probable first.
  @Test(arguments: [false, true])
  func findsAllWhereNothingIsLost(prefix: Bool) throws {
    for model in models {
      for prompt in prompts.prefix(2) {
        let first = [specials.beginning] + prompt
        var all: [BeamSearch.Hypothesis] = []
        var alive = [BeamSearch.Hypothesis(ids: [], logProbability: 0, hasEnded: false)]
        for _ in 0..<3 {
          alive = try alive.flatMap { hypothesis in
            let values = try next(first + hypothesis.ids, prefix: prefix ? first.count : 0, model)
            all.append(
              BeamSearch.Hypothesis(
                ids: hypothesis.ids, logProbability: hypothesis.logProbability + values[2], hasEnded: true))
            return (4..<10).map {
              BeamSearch.Hypothesis(
                ids: hypothesis.ids + [Int32($0)], logProbability: hypothesis.logProbability + values[$0],
                hasEnded: false)
            }
          }
        }
        let search = BeamSearch(model, specials: specials, width: 250, readsPromptBothWays: prefix)
        let found = try search([prompt]) { _ in 3 }[0]
        #expect(found.count == 1 + 6 + 36)
        expectEqual(found, all.sorted { score($0) > score($1) }, "\(prompt)")
      }
    }
  }

  /// Width 1 is what ``Generator`` does at temperature 0.
  @Test(arguments: [false, true])
  func widthOneIsGreedy(prefix: Bool) throws {
    for model in models {
      let found = try BeamSearch(model, specials: specials, width: 1, readsPromptBothWays: prefix)(prompts) {
        8 - $0
      }
      let generator = Generator(model, specials: specials, readsPromptBothWays: prefix)
      for (prompt, found) in zip(prompts, found) {
        let greedy = try generator(
          prompt: prompt, tokens: 8 - prompt.count, sampler: Sampler(temperature: 0))
        #expect(found.map(\.ids) == greedy)
      }
    }
  }

  /// A hypothesis has the log-probability that the scorer gives it, whatever the company.
  @Test func logProbabilitiesAreTheScorers() throws {
    for model in models {
      let search = BeamSearch(model, specials: specials, width: 3, readsPromptBothWays: true)
      let found = try search(prompts) { _ in 5 }
      for (prompt, found) in zip(prompts, found) {
        let scores = try Scorer(model, specials: specials)(
          found.map {
            ScoredText(
              prompt + $0.ids + ($0.hasEnded ? [specials.end] : []), from: prompt.count,
              prefix: prompt.count + 1)
          }, .causal)
        for (hypothesis, score) in zip(found, scores) {
          #expect(abs(hypothesis.logProbability - score.logProbability) < 1e-4)
        }
        #expect(try search([prompt]) { _ in 5 }[0].map(\.ids) == found.map(\.ids))
      }
    }
  }

  @Test func promptsWithoutRoomAndNothingToAdd() throws {
    let search = BeamSearch(models[0], specials: specials)
    #expect(throws: InferenceError.tooLong(item: 2, tokens: 13, maximum: 12)) {
      try search([[4], Array(repeating: 5, count: 12)]) { _ in 5 }
    }
    // All positions taken, there still is a token after the last.
    let last = try search([Array(repeating: 5, count: 11)]) { _ in 5 }[0]
    #expect(!last.isEmpty && last.allSatisfy { $0.ids.count + ($0.hasEnded ? 1 : 0) == 1 })
    #expect(try search([[4]]) { _ in 0 } == [[.init(ids: [], logProbability: 0, hasEnded: false)]])
    #expect(try search([]) { _ in 5 }.isEmpty)
  }
}
