import AntModels
import AntTestSupport
import AntTraining
import Testing

@Suite struct ArchitecturesTests {
  /// An architecture that only the caller knows is trained, stopped and taken up again.
  @Test func trainsOneOfTheCallers() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("3s_CLM+3s_MLM")
    configuration.model = "toy-small"
    configuration.dropout = 0
    configuration.evaluationSequences = 4
    let device = try tiny.device()
    func start(_ name: String, _ architectures: Architectures) throws -> Trainer {
      try TrainingRun.start(
        configuration, tokenizerFile: tiny.tokenizerFile, in: tiny.scratch.path(name), on: device,
        architectures: architectures)
    }
    let error = try #require(throws: TrainingError.self) { try start("unknown", .standard) }
    #expect(error.description.hasPrefix("model is 'toy-small'; it must be one of llama-micro"))
    #expect(try start("whole", .withToy).train() == .finished)
    do {
      let stopped = try start("stopped", .withToy)
      #expect(try stopped.train(until: { stopped.step >= 3 }) == .stopped(step: 3))
    }
    #expect(throws: RunError.self) { try tiny.resume("stopped") }
    let resumed = try TrainingRun.resume(
      tiny.scratch.path("stopped"), on: device, architectures: .withToy)
    #expect(try resumed.train() == .finished)
    try tiny.expectEqual("whole", "stopped", "toy")
  }
}
