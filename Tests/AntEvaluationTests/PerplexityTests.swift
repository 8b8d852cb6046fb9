import AntInference
import AntTestSupport
import AntTraining
import Testing

@testable import AntEvaluation

@Suite struct PerplexityTests {
  /// Evaluated afterwards, a text has the dev losses that the run reported of it.
  @Test func perplexityIsWhatTheRunSaw() throws {
    let tiny = try TinyRun()
    let trainer = try tiny.start("run", tiny.configuration("4s_CLM+4s_PrefixLM"))
    var dev: [String: Double] = [:]
    _ = try trainer.train(report: { if !$0.devLosses.isEmpty { dev = $0.devLosses } })
    let trained = try TrainedModel(tiny.scratch.path("run"), on: tiny.device())
    var options = Perplexity.Options()
    options.objectives = ["CLM", "MLM", "PrefixLM"]
    options.length = 16
    options.sequences = 512
    options.seed = 11
    let found = try Perplexity(of: trained, on: [tiny.development], options)
    #expect(Set(dev.keys) == Set(found.objectives) && found.objectives == ["CLM", "MLM", "PrefixLM"])
    for (name, loss) in dev { #expect(abs(found.losses[name]! - loss) < 1e-5, "\(name)") }
    options.length = 33
    #expect(throws: TrainingError.tooLong(length: 33, maximum: 32)) {
      try Perplexity(of: trained, on: [tiny.development], options)
    }
  }
}
