import AntDevice
import AntDevices
import AntFiles
import AntModels
import AntText
import AntTraining
import Foundation
import Testing

/// A model of some thousand parameters and a page of text: training runs that take a second.
package final class TinyRun {
  package let scratch = Scratch()
  package let tokenizerFile: String
  package let training: String
  package let development: String
  package let model: String

  package init(maximumLength: Int = 32) throws {
    training = try scratch.write(Self.text(lines: 110, from: 0), to: "train.txt")
    development = try scratch.write(Self.text(lines: 25, from: 110), to: "dev.txt")
    tokenizerFile = scratch.path("tok.json")
    let tokenizer = try Tokenizer.train(
      on: [URL(filePath: training)], TokenizerOptions(vocabularySize: 300))
    try tokenizer.write(to: URL(filePath: tokenizerFile))
    model = scratch.path("model.json")
    let description = LlamaConfiguration(
      vocabularySize: tokenizer.vocabularySize, hiddenSize: 16, intermediateSize: 24, layers: 1, heads: 2,
      maximumLength: maximumLength, initializerRange: 0.1)
    try JSONEncoder().encode(description).write(to: URL(filePath: model))
  }

  /// Every subject with every verb and object, in an order of their own.
  private static func text(lines: Int, from first: Int) -> String {
    let subjects = ["The dog", "A small cat", "Anna", "My old neighbor", "This girl"]
    let verbs = ["sees", "likes", "hugs", "does not trust", "follows", "can hear"]
    let objects = ["the ball.", "a bird.", "two kings.", "every house.", "her.", "the red box.", "some tea."]
    return (first..<first + lines).map { line in
      "\(subjects[line % 5]) \(verbs[line * 5 % 6]) \(objects[line * 3 % 7])"
    }.joined(separator: "\n")
  }

  package func device(threads: Int = 1) throws -> any Device { try Self.device(threads: threads) }

  package static func device(threads: Int) throws -> any Device {
    try Devices.open("cpu", options: DeviceOptions(threads: threads)).device
  }

  /// Seven steps an epoch or so; every part of a batch differs in size.
  package func configuration(_ schedule: String = "1_CLM+1_MLM+1_CLM") -> TrainingConfiguration {
    var configuration = TrainingConfiguration(model: model, schedule: schedule, training: [training])
    configuration.development = [development]
    configuration.batch = 10
    configuration.accumulate = 3
    configuration.length = 16
    configuration.learningRate = 1e-2
    configuration.dropout = 0.1
    configuration.evaluateEvery = 4
    configuration.checkpointEvery = 3
    configuration.seed = 11
    return configuration
  }

  package func start(
    _ name: String, _ configuration: TrainingConfiguration? = nil, threads: Int = 1
  ) throws -> Trainer {
    try TrainingRun.start(
      configuration ?? self.configuration(), tokenizerFile: tokenizerFile, in: scratch.path(name),
      on: device(threads: threads))
  }

  package func resume(_ name: String, threads: Int = 1) throws -> Trainer {
    try TrainingRun.resume(scratch.path(name), on: device(threads: threads))
  }

  package func run(_ name: String) throws -> RunDirectory { try RunDirectory(scratch.path(name)) }

  /// The bytes of a file of the newest checkpoint.
  package func checkpointFile(_ run: String, _ file: String) throws -> Data {
    try Data(contentsOf: self.run(run).checkpoint().url.appending(path: file))
  }

  /// The lines of metrics.jsonl up to the members that depend on the clock.
  package func metrics(_ run: String) throws -> [Substring] {
    let text = try String(contentsOf: self.run(run).metrics, encoding: .utf8)
    return text.split(separator: "\n").map { line in
      line[
        ..<(StepMetrics.timingMembers.compactMap { line.range(of: ",\"\($0)\"")?.lowerBound }.min()
          ?? line.endIndex)]
    }
  }

  /// Expects that two runs ended alike, to the byte.
  package func expectEqual(_ a: String, _ b: String, _ comment: Comment) throws {
    #expect(try run(a).checkpoint().step == run(b).checkpoint().step, comment)
    for file in [
      "model.safetensors", "optimizer.safetensors", "trainer.json", "config.json", "tokenizer.json",
    ] {
      #expect(try checkpointFile(a, file) == checkpointFile(b, file), "\(comment): \(file)")
    }
    #expect(try metrics(a) == metrics(b), comment)
    #expect(FileSystem.target(of: try run(a).best) == FileSystem.target(of: try run(b).best), comment)
  }
}
