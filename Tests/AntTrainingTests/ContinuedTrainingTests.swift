import AntModels
import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntTraining

/// Going on from what is there: other weights to begin with, and schedules after the last step.
@Suite struct ContinuedTrainingTests {
  private func tokenizer(_ tiny: TinyRun) throws -> Tokenizer {
    try Tokenizer(contentsOf: URL(filePath: tiny.tokenizerFile))
  }

  private func begin(_ name: String, _ tiny: TinyRun, from run: String, _ schedule: String, threads: Int = 1)
    throws
    -> Trainer
  {
    let model = try ModelFolder.read(tiny.run(run).checkpoint().url, on: tiny.device(threads: threads))
    return try TrainingRun.start(
      tiny.configuration(schedule), from: model, tokenizer: tokenizer(tiny), in: tiny.scratch.path(name))
  }

  /// The weights are those it was given, saved before the first step; stopped anywhere it ends with equal bytes.
  @Test func aRunBeginsWithAnothersWeights() throws {
    let tiny = try TinyRun()
    #expect(try tiny.start("first", tiny.configuration("4s_CLM")).train() == .finished)
    let given = try tiny.checkpointFile("first", "model.safetensors")
    do {
      let trainer = try begin("whole", tiny, from: "first", "3s_MLM+2s_CLM")
      #expect(try tiny.run("whole").checkpoints().map(\.step) == [0])
      #expect(try tiny.checkpointFile("whole", "model.safetensors") == given)
      #expect(try trainer.train() == .finished)
    }
    do { _ = try begin("stopped", tiny, from: "first", "3s_MLM+2s_CLM", threads: 2) }
    for step in 1...5 {
      let trainer = try tiny.resume("stopped", threads: step % 2 + 1)
      #expect(trainer.step == step - 1)
      _ = try trainer.train(until: { trainer.step >= step })
    }
    #expect(try tiny.resume("stopped").train() == .finished)
    try tiny.expectEqual("whole", "stopped", "begun with other weights")
    // Moments are new, the first step's rate is that of a first step, and the weights move.
    #expect(try tiny.checkpointFile("whole", "model.safetensors") != given)
    let fresh = try StepMetrics.read(tiny.run("whole").metrics)
    #expect(try #require(fresh.first?.loss) < 5.6 && fresh.map(\.step) == Array(1...5))
  }

  /// Killed after it became a run and before its weights were saved, it is not taken up with weights drawn anew.
  @Test func weightsAreNotDrawnAnew() throws {
    let tiny = try TinyRun()
    #expect(try tiny.start("first", tiny.configuration("1s_CLM")).train() == .finished)
    do { _ = try begin("killed", tiny, from: "first", "2s_CLM") }
    try FileManager.default.removeItem(at: tiny.run("killed").url.appending(path: "checkpoints"))
    #expect(throws: RunError.beganWithoutWeights(path: tiny.scratch.path("killed"))) {
      try tiny.resume("killed")
    }
  }

  /// A finished run goes on under another schedule whose rate begins again; stopped anywhere, and prolonged twice, it
  /// ends with equal bytes. The first part is what it was.
  @Test func aFinishedRunIsProlonged() throws {
    let tiny = try TinyRun()
    for name in ["whole", "stopped"] {
      #expect(try tiny.start(name, tiny.configuration("4s_CLM")).train() == .finished)
    }
    func prolong(_ name: String, _ schedule: String) throws -> Trainer {
      try TrainingRun.resume(tiny.scratch.path(name), on: tiny.device(), extension: schedule)
    }
    let before = try tiny.metrics("whole")
    #expect(try prolong("whole", "5s_[MLM+CLM]").train() == .finished)
    #expect(try prolong("whole", "2s_CLM").train() == .finished)
    #expect(try Array(tiny.metrics("whole").prefix(4)) == before)

    // Recorded before a step is done, and not twice.
    do { #expect(try prolong("stopped", "5s_[MLM+CLM]").plan.totalSteps == 9) }
    #expect(throws: RunError.unfinished(path: tiny.scratch.path("stopped"), step: 4, of: 9)) {
      try prolong("stopped", "5s_[MLM+CLM]")
    }
    for step in 5...9 {
      let trainer = try tiny.resume("stopped")
      #expect(trainer.step == step - 1 && trainer.plan.totalSteps == 9)
      _ = try trainer.train(until: { trainer.step >= step })
    }
    // The last step was stopped before its evaluation.
    #expect(try tiny.resume("stopped").train() == .finished)
    #expect(try prolong("stopped", "2s_CLM").train() == .finished)
    try tiny.expectEqual("whole", "stopped", "prolonged")

    let lines = try StepMetrics.read(tiny.run("whole").metrics)
    #expect(
      lines.compactMap(\.objective) == Array(repeating: "CLM", count: 4)
        + Array(repeating: "[MLM:1+CLM:1]", count: 5) + ["CLM", "CLM"])
    // Each part warms up (one step here) and falls to its floor.
    let rates = lines.compactMap(\.learningRate)
    for (first, last) in [(0, 3), (4, 8), (9, 10)] {
      #expect(rates[first] == 1e-2 && abs(rates[last] - 1e-3) < 1e-9)
    }
    #expect(
      try TrainingRun.configuration(of: tiny.scratch.path("whole")).extensions == [
        "5s_[MLM:1+CLM:1]", "2s_CLM",
      ])
    #expect(throws: ScheduleError.self) { try prolong("whole", "2s_CLN") }
    #expect(try TrainingRun.configuration(of: tiny.scratch.path("whole")).extensions.count == 2)
  }

  /// With documents kept apart a run resumes as any other, and its losses are of fewer labels.
  @Test func documentsResume() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("3s_CLM+3s_[MLM+CLM]")
    configuration.documents = true
    #expect(try tiny.start("whole", configuration).train() == .finished)
    do {
      let trainer = try tiny.start("steps", configuration)
      _ = try trainer.train(until: { trainer.step >= 2 })
    }
    #expect(try tiny.resume("steps").train() == .finished)
    try tiny.expectEqual("whole", "steps", "documents")
    configuration.documents = false
    #expect(try tiny.start("packed", configuration).train() == .finished)
    #expect(try tiny.metrics("packed")[0] != tiny.metrics("whole")[0])
  }
}
