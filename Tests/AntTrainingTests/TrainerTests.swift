import AntDevice
import AntFiles
import AntModels
import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntTraining

@Suite struct TrainerTests {
  /// Stops after `step` as a signal would, before its evaluation where it has one.
  private func trainUntil(_ step: Int, _ trainer: Trainer) throws -> Trainer.Outcome {
    try trainer.train(until: { trainer.step >= step })
  }

  @Test func lossesFallUnderBothObjectives() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("3_CLM+3_MLM")
    configuration.evaluateFirst = true
    let trainer = try tiny.start("run", configuration)
    var dev: [[String: Double]] = []
    let outcome = try trainer.train(report: { if !$0.devLosses.isEmpty { dev.append($0.devLosses) } })
    #expect(outcome == .finished)
    let first = try #require(dev.first)
    let last = try #require(dev.last)
    #expect(Set(first.keys) == ["CLM", "MLM"])
    #expect(last["CLM"]! < first["CLM"]! - 0.5)
    #expect(last["MLM"]! < first["MLM"]! - 0.5)
  }

  /// Other programs are told the tokenizer's special tokens, whatever the preset or the file says.
  @Test func specialTokensAreTheTokenizers() throws {
    let tiny = try TinyRun()
    let tokenizer = try Tokenizer.train(
      on: [URL(filePath: tiny.training)], TokenizerOptions(.wordpiece, vocabularySize: 300))
    try tokenizer.write(to: URL(filePath: tiny.tokenizerFile))
    for (name, model) in [("a", tiny.model), ("b", "ltg-bert-mini")] {
      var configuration = tiny.configuration("1s_CLM")
      configuration.model = model
      configuration.evaluationSequences = 4
      let trainer = try tiny.start(name, configuration)
      let described = trainer.model.configuration.architecture
      #expect(described.beginningID == 1 && described.endID == 2 && described.paddingID == 3)
      let table = try trainer.model.device.read(trainer.model.output.weight.value.storage)
      let width = described.hiddenSize
      if model == tiny.model {
        #expect(table[3 * width..<4 * width].allSatisfy { $0 == 0 } && table[0..<width].contains { $0 != 0 })
      }
    }
  }

  /// With a line of step 0 where the untrained model is evaluated too, and only there.
  @Test(arguments: [false, true])
  func metricsHoldWhatTheyShould(evaluateFirst: Bool) throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("5s_CLM+4s_MLM")
    configuration.evaluateFirst = evaluateFirst
    let trainer = try tiny.start("run", configuration)
    #expect(try trainer.train() == .finished)
    #expect(try TrainingRun.configuration(of: tiny.scratch.path("run")).evaluateFirst == evaluateFirst)
    let lines = try String(contentsOf: tiny.run("run").metrics, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == (evaluateFirst ? 10 : 9))
    for (step, line) in zip((evaluateFirst ? 0 : 1)..., lines) {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(object["step"] as? Int == step)
      #expect(object["phase"] as? Int == (step <= 5 ? 1 : 2))
      #expect(object["objective"] as? String == (step <= 5 ? "CLM" : "MLM"))
      #expect(object["epoch"] is Int && object["secondsElapsed"] is Double)
      for key in ["loss", "gradientNorm", "learningRate", "tokensPerSecond"] {
        #expect((object[key] is Double) == (step > 0), "\(key) at \(step)")
      }
      let evaluated = [0, 4, 5, 8, 9].contains(step)
      #expect((object["devLossCLM"] is Double) == evaluated && (object["devLossMLM"] is Double) == evaluated)
      #expect(line.hasSuffix("}") && line.contains(",\"secondsElapsed\":"))
    }
    let steps = try tiny.run("run").checkpoints().map(\.step)
    #expect(steps.suffix(2) == [8, 9] || steps.suffix(2) == [6, 9])
  }

  /// In the middle of an epoch, at a switch of objective and beside a checkpoint; with other thread counts on
  /// each side.
  @Test(arguments: [(1, 1, 2), (3, 2, 4), (7, 4, 1), (8, 1, 1), (13, 2, 2)])
  func resumedRunsAreEqual(step: Int, before: Int, after: Int) throws {
    let tiny = try TinyRun()
    let whole = try tiny.start("whole")
    #expect(try whole.train() == .finished)
    #expect(whole.plan.totalSteps > 13)
    do { _ = try trainUntil(step, tiny.start("stopped", threads: before)) }
    let resumed = try tiny.resume("stopped", threads: after)
    #expect(resumed.step == step)
    #expect(try resumed.train() == .finished)
    try tiny.expectEqual("whole", "stopped", "stopped after \(step)")
  }

  @Test func stoppingAtEveryStepChangesNothing() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("(3s_CLM+2s_MLM)*2")
    configuration.optimizerState = .reset
    configuration.learningRateSpan = .phase
    #expect(try tiny.start("whole", configuration).train() == .finished)
    #expect(try trainUntil(1, tiny.start("steps", configuration)) == .stopped(step: 1))
    // Steps 3, 4, 5, 8 and 10 are stopped before their evaluation; the last is only evaluated after that.
    for step in 2...10 { #expect(try trainUntil(step, tiny.resume("steps")) == .stopped(step: step)) }
    #expect(try tiny.resume("steps").train() == .finished)
    #expect(try tiny.resume("steps").train() == .finished)
    try tiny.expectEqual("whole", "steps", "stopped after every step")
  }

  /// LAMB or Muon, a mean of the weights, longer sequences and a falling mask rate.
  @Test(arguments: ["lamb", "muon"]) func stoppingChangesNothingInARecipe(optimizer: String) throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("(3s_CLM+2s_MLM)*2")
    configuration.optimizer = optimizer
    configuration.ema = 0.8
    configuration.length = try #require(LengthSchedule("16:50%,32"))
    configuration.maskRate = 0.4
    configuration.finalMaskRate = 0.2
    configuration.maskUnit = .spans
    #expect(try tiny.start("whole", configuration).train() == .finished)
    #expect(try trainUntil(1, tiny.start("steps", configuration)) == .stopped(step: 1))
    for step in [2, 5, 6, 7, 10] {
      #expect(try trainUntil(step, tiny.resume("steps", threads: 2)) == .stopped(step: step))
    }
    #expect(try tiny.resume("steps").train() == .finished)
    try tiny.expectEqual("whole", "steps", "stopped after some steps")
  }

  /// The mean is what is saved, and beside it what training goes on with, which it does not touch.
  @Test func theMeanOfTheWeightsIsTheModel() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("4s_CLM")
    configuration.checkpointEvery = 1
    configuration.keep = 0
    #expect(try tiny.start("plain", configuration).train() == .finished)
    configuration.ema = 0.75
    #expect(try tiny.start("mean", configuration).train() == .finished)

    let name = "model.layers.0.mlp.down_proj.weight"
    func weights(_ run: String, _ step: Int, _ file: String, _ name: String) throws -> [Float] {
      let checkpoint = try tiny.run(run).checkpoint("step-\(step)")
      return try SafeTensors(contentsOf: checkpoint.url.appending(path: file)).floats(name)
    }
    let untrained = try ModelConfiguration(contentsOf: URL(filePath: tiny.model)).architecture
      .makeModel(seed: configuration.seed, on: tiny.device())
    let place = try #require(
      untrained.parameters.segments.flatMap(\.tensors).first { $0.name == name }?.range)
    var mean = Array(try untrained.parameters.read()[place])
    for step in 1...4 {
      let plain = try weights("plain", step, "model.safetensors", name)
      #expect(try weights("mean", step, "optimizer.safetensors", "weights." + name) == plain)
      mean = zip(mean, plain).map { $0 + 0.25 * ($1 - $0) }
      let saved = try weights("mean", step, "model.safetensors", name)
      #expect(zip(saved, mean).allSatisfy { abs($0 - $1) < 1e-6 } && saved != plain)
    }
  }

  /// Between any two batches, again and again before the evaluation is through.
  @Test func anEvaluationStopsBetweenBatches() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("6s_CLM")
    configuration.evaluateFirst = true
    #expect(try tiny.start("whole", configuration).train() == .finished)
    /// Stops when asked for the `limit`th time once `step` is done.
    func train(_ trainer: Trainer, past step: Int, limit: Int) throws -> Trainer.Outcome {
      var asked = 0
      return try trainer.train(until: {
        if trainer.step >= step { asked += 1 }
        return asked >= limit
      })
    }
    #expect(try train(tiny.start("run", configuration), past: 0, limit: 2) == .stopped(step: 0))
    #expect(try tiny.metrics("run").isEmpty)
    #expect(try train(tiny.resume("run"), past: 4, limit: 3) == .stopped(step: 4))
    #expect(try tiny.metrics("run").count == 4)
    for limit in [1, 2, 4] {
      let trainer = try tiny.resume("run")
      #expect(try train(trainer, past: 4, limit: limit) == .stopped(step: 4))
      #expect(trainer.step == 4)
    }
    #expect(try tiny.resume("run").train() == .finished)
    try tiny.expectEqual("whole", "run", "stopped amid evaluations")
  }

  @Test func aRunKilledBeforeItsFirstCheckpointBeginsAgain() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration()
    configuration.evaluateFirst = true
    #expect(try tiny.start("whole", configuration).train() == .finished)
    do { _ = try tiny.start("killed", configuration) }
    let run = try tiny.run("killed")
    try Data("{\"step\":0}\n{\"step\":1}\n{\"st".utf8).write(to: run.metrics)
    #expect(try tiny.resume("killed").train() == .finished)
    try tiny.expectEqual("whole", "killed", "killed at once")
  }

  @Test func resettingTheOptimizerIsNotKeepingIt() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("3s_CLM+3s_MLM")
    configuration.evaluateEvery = 0
    _ = try tiny.start("keep", configuration).train()
    configuration.optimizerState = .reset
    _ = try tiny.start("reset", configuration).train()
    let keep = try tiny.metrics("keep")
    let reset = try tiny.metrics("reset")
    // Step 4 begins the second phase and updates otherwise, which step 5 is the first to see.
    #expect(keep[..<4] == reset[..<4])
    #expect(keep[4] != reset[4])
  }

  @Test(arguments: [Float.nan, .infinity])
  func aSpoiledGradientChangesNothing(value: Float) throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("3s_CLM+9s_MLM")
    configuration.checkpointEvery = 2
    configuration.evaluateEvery = 0
    let reference = try tiny.start("reference", configuration)
    #expect(try trainUntil(4, reference) == .stopped(step: 4))
    let weights = try reference.model.parameters.read()
    let moments = try [reference.optimizer.firstMoment, reference.optimizer.secondMoment].map(
      reference.model.device.read)

    let trainer = try tiny.start("run", configuration)
    trainer.training.beforeUpdate = { step, parameters in
      if step == 5 { parameters.device.write([value], to: parameters.gradients![100..<101]) }
    }
    let error = try #require(throws: TrainingError.self) { try trainer.train() }
    guard case .notFinite(let step, let phase, _, let norm, let checkpoint) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(step == 5 && phase == "2, 9s_MLM" && !norm.isFinite)
    #expect(checkpoint?.hasSuffix("checkpoints/step-4") == true)
    #expect("\(error)".contains("step-4") && !"\(error)".contains("\n"))
    // Its own folder holds a run now.
    #expect("\(error)".contains("in another folder"))
    #expect(trainer.step == 4)
    let after = try trainer.model.parameters.read()
    #expect(after.map(\.bitPattern) == weights.map(\.bitPattern))
    #expect(try trainer.model.device.read(trainer.optimizer.firstMoment) == moments[0])
    #expect(try trainer.model.device.read(trainer.optimizer.secondMoment) == moments[1])
    #expect(try tiny.run("run").checkpoint().step == 4)
  }

  /// 1 x 8 and 4 x 2, MLM with dropout.
  @Test func accumulationGivesTheSameGradients() throws {
    let tiny = try TinyRun()
    func gradients(_ accumulate: Int) throws -> [Float] {
      var configuration = tiny.configuration("1s_MLM")
      configuration.batch = 8
      configuration.accumulate = accumulate
      let trainer = try tiny.start("accumulate-\(accumulate)", configuration)
      var gradients: [Float] = []
      trainer.training.beforeUpdate = { gradients = try! $1.device.read($1.gradients!) }
      _ = try trainer.train()
      return gradients
    }
    let whole = try gradients(1)
    let norm = whole.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(norm > 0)
    for parts in [4, 8] {
      let difference = zip(whole, try gradients(parts)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect(difference.squareRoot() <= 1e-5 * norm, "\(parts) parts")
    }
  }

  @Test func theSeedDecidesAll() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("3s_MLM")
    _ = try tiny.start("a", configuration).train()
    _ = try tiny.start("b", configuration, threads: 4).train()
    configuration.seed = 12
    _ = try tiny.start("c", configuration).train()
    try tiny.expectEqual("a", "b", "same seed")
    #expect(try tiny.metrics("a") != tiny.metrics("c"))
  }

  @Test func aSettledRunAsksForNoMemory() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("12s_CLM")
    configuration.evaluateEvery = 0
    configuration.checkpointEvery = 0
    // The last step is evaluated; what that takes is there from the beginning.
    configuration.evaluateFirst = true
    let trainer = try tiny.start("run", configuration)
    var allocations: [Int] = []
    let device = trainer.model.parameters.device
    _ = try trainer.train(report: { _ in allocations.append(device.memoryUse.allocations) })
    #expect(allocations[4] == allocations[12], "\(allocations)")
  }

  @Test func whatCannotBeTrainedIsRefused() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration()
    configuration.length = 64
    #expect(throws: TrainingError.tooLong(length: 64, maximum: 32)) { try tiny.start("a", configuration) }
    configuration = tiny.configuration()
    configuration.model = "llama-huge"
    #expect(throws: TrainingError.self) { try tiny.start("a", configuration) }
    configuration = tiny.configuration()
    configuration.batch = 0
    #expect(throws: TrainingError.self) { try tiny.start("a", configuration) }
    configuration = tiny.configuration()
    configuration.training = [try tiny.scratch.write("one two\n", to: "short.txt")]
    #expect(throws: (any Error).self) { try tiny.start("a", configuration) }
    #expect(!FileSystem.exists(tiny.scratch.url.appending(path: "a")))
  }

  @Test func changedTextIsRefusedOnResume() throws {
    let tiny = try TinyRun()
    _ = try trainUntil(2, tiny.start("run"))
    try Data("The dog sees the cat .\n".utf8).write(to: URL(filePath: tiny.development))
    #expect(throws: TrainingError.textChanged(files: [tiny.training, tiny.development])) {
      try tiny.resume("run")
    }
  }

  /// An older version of the program called the same text otherwise.
  @Test func textOfAnOlderVersionIsKnown() throws {
    let tiny = try TinyRun()
    let whole = try trainUntil(4, tiny.start("whole"))
    func begin(_ name: String) throws {
      _ = try trainUntil(2, tiny.start(name))
      let run = try tiny.run(name)
      var recorded = try RunConfiguration(contentsOf: run.configuration, run: name)
      let tokenizer = try Tokenizer(contentsOf: run.tokenizer)
      recorded.antlm.textChecksum = try [tiny.training, tiny.development]
        .map { try TokenCorpus.former([$0], tokenizer: tokenizer).checksum }.joined(separator: "-")
      try recorded.write(to: run.configuration)
    }
    try begin("run")
    #expect(try trainUntil(4, tiny.resume("run")) == whole)
    let text = try Data(contentsOf: URL(filePath: tiny.training))
    try (text + Data("more".utf8)).write(to: URL(filePath: tiny.training))
    let files = [tiny.training, tiny.development]
    #expect(throws: TrainingError.textChanged(files: files)) { try tiny.resume("run") }
    try (Data([0xEF, 0xBB, 0xBF]) + text).write(to: URL(filePath: tiny.training))
    try begin("marked")
    #expect(throws: TrainingError.textReadOtherwise(files: files)) { try tiny.resume("marked") }
  }

  /// Also where the text is as it was: its checksum names tokenizer and text together.
  @Test func aChangedTokenizerIsRefusedOnResume() throws {
    let tiny = try TinyRun()
    _ = try trainUntil(2, tiny.start("run"))
    let file = try tiny.run("run").tokenizer
    let whole = try Data(contentsOf: file)
    try Tokenizer.train(on: [URL(filePath: tiny.training)], TokenizerOptions(vocabularySize: 290))
      .write(to: file)
    let error = try #require(throws: TrainingError.self) { try tiny.resume("run") }
    #expect(error == .tokenizerChanged(file: file.path))
    try whole.write(to: file)
    #expect(try tiny.resume("run").step == 2)
  }

  /// A run's own files, edited into another run: each is refused by its name, and restored goes on.
  @Test func editedFilesAreRefusedOnResume() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("5s_CLM+4s_MLM")
    configuration.optimizerState = .reset
    _ = try trainUntil(7, tiny.start("run", configuration))
    let run = try tiny.run("run")
    let state = try run.checkpoint().url.appending(path: "trainer.json")
    for (file, was, edited, parts) in [
      (run.configuration, #""length" : 16"#, #""length" : 64"#, ["config.json", "64 tokens", "32"]),
      (run.configuration, #""batch" : 10"#, #""batch" : 0"#, ["config.json", "batch is 0"]),
      (run.configuration, "4s_MLM", "5s_MLM", ["step-7", "run of 9 steps", "makes 10", "new run"]),
      (run.configuration, "4s_MLM", "5s_XLM", ["config.json", "XLM"]),
      (
        run.configuration, #""num_hidden_layers" : 1"#, #""num_hidden_layers" : 2"#,
        ["config.json", "model", "step-7"]
      ),
      (state, #""optimizerStep" : 2"#, #""optimizerStep" : 7"#, ["trainer.json", "7", "must be 2"]),
      (state, #""step" : 7"#, #""step" : 6"#, ["trainer.json", "step 6", "move"]),
    ] {
      let whole = try String(contentsOf: file, encoding: .utf8)
      #expect(whole.contains(was), "\(whole)")
      try Data(whole.replacing(was, with: edited).utf8).write(to: file)
      let error = #expect(throws: RunError.self, "\(edited)") { try tiny.resume("run") }
      let message = "\(error as Any)"
      #expect(parts.allSatisfy(message.contains) && !message.contains("\n"), "\(message)")
      // No option of 'antlm train' chooses a checkpoint.
      #expect(!message.contains("--checkpoint"), "\(message)")
      try Data(whole.utf8).write(to: file)
    }
    #expect(try tiny.resume("run").train() == .finished)
  }

  @Test func twoProcessesCannotTrainOneRun() throws {
    let tiny = try TinyRun()
    let trainer = try tiny.start("run")
    #expect(throws: RunError.self) { try tiny.resume("run") }
    withExtendedLifetime(trainer) {}
  }

  @Test func damagedCheckpointsAreNamed() throws {
    let tiny = try TinyRun()
    _ = try trainUntil(2, tiny.start("run"))
    let folder = try tiny.run("run").checkpoint().url
    for name in ["model.safetensors", "optimizer.safetensors", "trainer.json"] {
      let file = folder.appending(path: name)
      let whole = try Data(contentsOf: file)
      var flipped = whole
      flipped[whole.count * 3 / 4] ^= 4
      for damaged in [whole.prefix(whole.count / 2), Data(), flipped] {
        if name == "trainer.json" && damaged == flipped { continue }
        try damaged.write(to: file)
        let error = #expect(throws: (any Error).self) { try tiny.resume("run") }
        #expect("\(error as Any)".contains(name), "\(error as Any)")
      }
      try whole.write(to: file)
    }
    #expect(try tiny.resume("run").step == 2)
  }
}
