import AntModels
import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntTraining

/// Several objectives in one step, from the schedule to the metrics.
@Suite struct MixtureTrainingTests {
  private func configuration(_ tiny: TinyRun, _ schedule: String) -> TrainingConfiguration {
    var configuration = tiny.configuration(schedule)
    configuration.ema = 0.8
    configuration.weight = ObjectiveValues(1, own: ["CLM": 2])
    configuration.learningRate = ObjectiveValues(1e-2, own: ["MLM": 5e-3])
    return configuration
  }

  /// Stopped at each step, with a batch in three parts, means of the weights and both ways of dealing.
  @Test(arguments: Mixture.Dealing.allCases, ["", "ltg-bert-mini", "qwen3-micro"])
  func stoppingChangesNothing(dealing: Mixture.Dealing, model: String) throws {
    let tiny = try TinyRun()
    var configuration = configuration(tiny, "2s_[MLM:2+CLM]+1s_MLM+3s_[MDLM:1+CLM:1+MIR:2]")
    configuration.dealing = dealing
    if !model.isEmpty { configuration.model = model }
    configuration.evaluationSequences = 4
    #expect(try tiny.start("whole", configuration).train() == .finished)
    do {
      let first = try tiny.start("steps", configuration)
      #expect(try first.train(until: { first.step >= 1 }) == .stopped(step: 1))
    }
    for step in 2...6 {
      let next = try tiny.resume("steps", threads: 2)
      #expect(try next.train(until: { next.step >= step }) == .stopped(step: step))
    }
    #expect(try tiny.resume("steps").train() == .finished)
    try tiny.expectEqual("whole", "steps", "\(dealing)")
  }

  /// Parts save memory and change nothing but roundings.
  @Test func accumulationChangesNothing() throws {
    let tiny = try TinyRun()
    var lines: [[StepMetrics]] = []
    for parts in [1, 3, 10] {
      var configuration = configuration(tiny, "4s_[MLM:2+CLM]+4s_[MDLM+CLM]")
      configuration.accumulate = parts
      #expect(try tiny.start("parts\(parts)", configuration).train() == .finished)
      lines.append(try StepMetrics.read(tiny.run("parts\(parts)").metrics))
    }
    for other in lines.dropFirst() {
      for (a, b) in zip(lines[0], other) {
        let (one, same) = (try #require(a.loss), try #require(b.loss))
        #expect(abs(one - same) < 2e-4 * one, "step \(a.step)")
        for (name, loss) in a.objectiveLosses {
          let found = try #require(b.objectiveLosses[name])
          #expect(abs(found - loss) < 2e-4 * loss, "step \(a.step) \(name)")
        }
      }
    }
  }

  /// Of a step, the objectives' losses make the step's as shares and weights say; the line tells them, a phase of one
  /// objective does not, and the learning rate is what the shares make of the objectives' own.
  @Test func metricsTellTheObjectivesApart() throws {
    let tiny = try TinyRun()
    var configuration = configuration(tiny, "3s_[MLM:4+CLM:1]+1s_MLM")
    configuration.warmup = "0"
    configuration.learningRateFloor = 1
    #expect(try tiny.start("run", configuration).train() == .finished)
    let lines = try StepMetrics.read(tiny.run("run").metrics)
    for line in lines.prefix(3) {
      #expect(line.objective == "[MLM:4+CLM:1]" && line.objectiveLosses.count == 2)
      let (mlm, clm) = (try #require(line.objectiveLosses["MLM"]), try #require(line.objectiveLosses["CLM"]))
      // Eight sequences of MLM, and two of CLM that count twice.
      let (loss, mean) = (Double(try #require(line.loss)), (8 * mlm + 4 * clm) / 12)
      #expect(abs(mean - loss) < 1e-4)
      let rate = Double(try #require(line.learningRate))
      #expect(abs(rate - 6e-3) < 1e-8)
    }
    #expect(lines[3].objective == "MLM" && lines[3].objectiveLosses.isEmpty && lines[3].learningRate == 5e-3)
  }

  /// Where a batch is smaller than the sum of the shares, steps tell the losses of those that had a sequence.
  @Test func smallBatchesTellTheirLosses() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("4s_[MLM:3+CLM]")
    (configuration.batch, configuration.accumulate, configuration.maskRate) = (2, 1, 0.5)
    #expect(try tiny.start("run", configuration).train() == .finished)
    let lines = try StepMetrics.read(tiny.run("run").metrics)
    let counts = (0..<4).map { Mixture([.init("MLM", share: 3), .init("CLM")]).exactCounts(of: 2, step: $0) }
    #expect(counts.contains([2, 0]))
    for (line, counts) in zip(lines, counts) {
      #expect(
        Set(line.objectiveLosses.keys) == Set(zip(["MLM", "CLM"], counts).filter { $0.1 > 0 }.map(\.0)))
    }
  }

  /// The first step's loss of each objective is what the untrained model says of the same sequences.
  @Test func lossesAreTheModels() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("1s_[MLM:2+MDLM:1+CLM:2]")
    configuration.dropout = 0
    let trainer = try tiny.start("run", configuration)
    var expected: [String: Double] = [:]
    let text = try TrainingText(
      configuration, tokenizer: Tokenizer(contentsOf: URL(filePath: tiny.tokenizerFile)))
    let order = BlockOrder(tokenCount: text.training.count, length: 16, epoch: 0, seed: configuration.seed)
    let tokenizer = try Tokenizer(contentsOf: URL(filePath: tiny.tokenizerFile))
    for (name, numbers) in [("MLM", 0..<4), ("MDLM", 4..<6), ("CLM", 6..<10)] {
      let batch = try #require(Objectives.standard[name]).batch(
        numbers.map { text.training.tokens(order[$0]..<order[$0] + 16) },
        from: Sample(
          number: numbers.lowerBound, epoch: 0, seed: configuration.seed,
          masking: configuration.masking(tokenizer, rate: 0.15)))
      expected[name] = batch.weightedSum(try trainer.model.losses(batch)) / batch.denominator
    }
    #expect(try trainer.train() == .finished)
    let line = try #require(try StepMetrics.read(tiny.run("run").metrics).first)
    for (name, loss) in expected {
      #expect(abs(try #require(line.objectiveLosses[name]) - loss) < 1e-4 * loss, "\(name)")
    }
  }

  /// An option by itself changes what is trained, so that none is taken and then passed over; some change only how another
  /// works.
  @Test(arguments: [
    ([], "zLoss", "0.1"), ([], "dealing", "drawn"), ([], "documents", "true"), ([], "weight", "CLM=3"),
    ([], "learningRate", "MLM=1e-3"), ([], "learningRateShape", "wsd"), ([], "rewarmup", "2"),
    ([], "optimizer", "muon"), ([], "optimizer", "lamb"),
    (["optimizer=muon"], "matrixLearningRate", "0.05"), (["optimizer=muon"], "momentum", "0.5"),
    (["learningRateShape=wsd"], "learningRateDecay", "50%"),
    (["learningRateShape=wsd", "learningRateDecay=50%"], "learningRateDecayShape", "sqrt"),
  ])
  func everyOptionIsHeeded(before: [String], name: String, value: String) throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("3s_[MLM:2+CLM]+5s_[MLM+CLM]")
    configuration.development = []
    func take(_ name: String, _ value: String) throws {
      let option = try #require(TrainingOptions.list.first { $0.name == name })
      #expect(option.take(value, in: &configuration))
    }
    for option in before {
      let sides = option.split(separator: "=").map(String.init)
      try take(sides[0], sides[1])
    }
    #expect(try tiny.start("plain", configuration).train() == .finished)
    try take(name, value)
    #expect(try tiny.start("other", configuration).train() == .finished)
    let weights = "model.safetensors"
    #expect(try tiny.checkpointFile("plain", weights) != tiny.checkpointFile("other", weights))
  }

  /// What an optimizer does not heed is refused.
  @Test(arguments: [("matrixLearningRate", "0.1"), ("momentum", "0.5")])
  func whatNoOptimizerHeedsIsRefused(name: String, value: String) throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("1s_CLM")
    let option = try #require(TrainingOptions.list.first { $0.name == name })
    #expect(option.take(value, in: &configuration))
    let error = try #require(throws: TrainingError.self) { try tiny.start("run", configuration) }
    #expect("\(error)".contains("must be left out: adamw has no rate of its own"), "\(error)")
    configuration.optimizer = "muon"
    #expect(try tiny.start("run", configuration).train() == .finished)
  }

  @Test(arguments: [
    ("1s_CLM", "CLM=2", "", "weight is 2.0 for CLM"),
    ("1s_[CLM+MLM]", "MNTP=2", "", "weight is 2.0 for MNTP"),
    ("1s_[CLM+MLM]", "0", "", "weight is 0 for all of [CLM:1+MLM:1]"),
    ("1s_CLM", "", "MLM=1", "learningRate is 1.0 for MLM"),
    ("1s_[CLM+MLM]", "-1", "", "weight is -1.0"), ("1s_[CLM+MLM]", "nan", "", "weight is nan"),
  ])
  func refuses(schedule: String, weight: String, rate: String, message: String) throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration(schedule)
    if !weight.isEmpty { configuration.weight = try #require(ObjectiveValues(weight, over: 1.0)) }
    if !rate.isEmpty { configuration.learningRate = try #require(ObjectiveValues(rate, over: 1e-3)) }
    let error = try #require(throws: TrainingError.self) { try tiny.start("run", configuration) }
    #expect("\(error)".contains(message), "\(error)")
  }
}
