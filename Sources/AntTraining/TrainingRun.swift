import AntAutograd
import AntDevice
import AntFiles
import AntModels
import AntText
import Foundation

/// Starts a run in a new folder or takes one up where its newest checkpoint stands.
public enum TrainingRun {
  /// What happens on the way to the first step, told to whoever waits.
  public enum Event: Sendable {
    /// Text is being turned into tokens.
    case reading([String])
    /// Ready: what will be trained, on what, from which step.
    case ready(
      parameters: Int, trainingTokens: Int, developmentTokens: Int, step: Int, totalSteps: Int,
      memory: Int)
  }

  /// Begins a run.
  ///
  /// - Parameters:
  ///   - configuration: the options; its record of device and text is filled in here.
  ///   - tokenizerFile: a tokenizer.json; copied into the run.
  ///   - folder: a new or empty folder.
  ///   - architectures: those its model may be of.
  public static func start(
    _ configuration: TrainingConfiguration, tokenizerFile: String, in folder: String, on device: any Device,
    architectures: Architectures = .standard, report: (Event) -> Void = { _ in }
  ) throws -> Trainer {
    var configuration = configuration
    try configuration.validate()
    try RunDirectory.requireNew(folder)
    let schedule = try Schedule(configuration.schedule, objectives: Objectives.names)
    configuration.schedule = schedule.description
    let tokenizer = try Tokenizer(contentsOf: URL(filePath: tokenizerFile))
    try tokenizer.requireMask()
    // What a killed start left is the same tokenizer or, if it is another, somebody else's.
    let kept = URL(filePath: folder).appending(path: "tokenizer.json")
    if FileSystem.exists(kept), try FileSystem.read(kept) != FileSystem.read(URL(filePath: tokenizerFile)) {
      throw RunError.notEmpty(path: folder)
    }
    let description = try modelDescription(
      configuration, tokenizer: tokenizer, tokenizerFile: tokenizerFile, architectures: architectures)
    // Everything that can be refused is refused before the folder is made.
    let text = try Tokens(configuration, tokenizer: tokenizer, report: report)
    let plan = try text.plan(schedule, configuration)
    configuration.device = device.info.identifier
    configuration.deviceName = device.info.name
    configuration.tuning = device.tuning.choices.isEmpty ? nil : device.tuning
    configuration.trainingTokens = text.training.count
    configuration.developmentTokens = text.development?.count ?? 0
    configuration.textChecksum = text.checksum
    configuration.tokenizerChecksum = tokenizer.checksum

    let memory = try memory(of: description.architecture, configuration, on: device)

    let run = try RunDirectory.create(folder)
    let lock = try RunLock(in: run.url)
    let model = description.architecture.makeModel(seed: configuration.seed, on: device)
    try device.synchronize()
    try tokenizer.write(to: run.tokenizer)
    try RunConfiguration(model: description, antlm: configuration).write(to: run.configuration)
    return try trainer(
      configuration, plan: plan, model: model, tokenizer: tokenizer, text: text, checkpoint: nil, run: run,
      lock: lock, device: device, memory: memory, report: report)
  }

  /// The recorded options of the run in `folder`, for opening the device it used.
  public static func configuration(
    of folder: String, architectures: Architectures = .standard
  ) throws -> TrainingConfiguration {
    let run = try RunDirectory(folder)
    return try RunConfiguration(contentsOf: run.configuration, run: folder, architectures: architectures)
      .antlm
  }

  /// Takes a run up after its newest checkpoint, or from the beginning where it has none yet.
  ///
  /// - Parameters:
  ///   - training: where the training text lies now; nil for where it lay.
  ///   - development: likewise.
  ///   - architectures: those its model may be of.
  public static func resume(
    _ folder: String, on device: any Device, training: [String]? = nil, development: [String]? = nil,
    architectures: Architectures = .standard, report: (Event) -> Void = { _ in }
  ) throws -> Trainer {
    let run = try RunDirectory(folder)
    let lock = try RunLock(in: run.url)
    let recorded = try RunConfiguration(
      contentsOf: run.configuration, run: folder, architectures: architectures)
    var configuration = recorded.antlm
    let schedule: Schedule
    do {
      try configuration.validate()
      schedule = try Schedule(configuration.schedule, objectives: Objectives.names)
      guard configuration.length.longest <= recorded.model.architecture.maximumLength else {
        throw TrainingError.tooLong(
          length: configuration.length.longest, maximum: recorded.model.architecture.maximumLength)
      }
    } catch let error as any CustomStringConvertible {
      throw RunError.configuration(path: run.configuration.path, reason: "\(error)")
    }
    // What was found since would sum in another order.
    device.tuning = configuration.tuning ?? Tuning()
    if let training { configuration.training = training }
    if let development { configuration.development = development }
    try run.clean()
    let checkpoint = try run.checkpoints().last
    let tokenizer = try Tokenizer(contentsOf: run.tokenizer)
    guard tokenizer.checksum == configuration.tokenizerChecksum else {
      throw TrainingError.tokenizerChanged(file: run.tokenizer.path)
    }
    let text = try Tokens(configuration, tokenizer: tokenizer, report: report)
    guard text.checksum == configuration.textChecksum else {
      throw TrainingError.textChanged(files: configuration.training + configuration.development)
    }
    let plan = try text.plan(schedule, configuration)
    let memory = try memory(of: recorded.model.architecture, configuration, on: device)
    let model =
      try checkpoint.map { try ModelFolder.read($0.url, on: device, architectures: architectures) }
      ?? recorded.model.architecture.makeModel(seed: configuration.seed, on: device)
    guard model.configuration == recorded.model else {
      throw RunError.configuration(
        path: run.configuration.path,
        reason: "its model is not that of checkpoint \(checkpoint?.name ?? "step-0"); restore it from there")
    }
    return try trainer(
      configuration, plan: plan, model: model, tokenizer: tokenizer, text: text, checkpoint: checkpoint,
      run: run, lock: lock, device: device, memory: memory, report: report)
  }

  /// What the run will hold. Throws where there is no room for it.
  private static func memory(
    of model: any Architecture, _ configuration: TrainingConfiguration, on device: any Device
  ) throws -> TrainingMemory {
    let memory = TrainingMemory(
      model, tokens: configuration.microBatchTokens, averages: configuration.ema > 0,
      precision: configuration.precision, on: device.info)
    try memory.require(batch: configuration.microBatch)
    return memory
  }

  private static func trainer(
    _ configuration: TrainingConfiguration, plan: TrainingPlan, model: any Transformer, tokenizer: Tokenizer,
    text: Tokens, checkpoint: Checkpoint?, run: RunDirectory, lock: RunLock, device: any Device,
    memory: TrainingMemory, report: (Event) -> Void
  ) throws -> Trainer {
    model.precision = configuration.precision
    let optimizer = Optimizer(model.parameters, settings: configuration.optimizerSettings)
    let average = configuration.ema > 0 ? WeightAverage(model.parameters, decay: configuration.ema) : nil
    var state = TrainerState()
    if let checkpoint {
      state = try TrainerState(checkpoint, of: plan, configuration)
      try CheckpointFiles.restore(optimizer, average, step: state.optimizerStep, from: checkpoint)
      try run.settle(best: state.best?.step, keep: configuration.keep)
    }
    let evaluated = Objectives.alwaysEvaluated.union(plan.phases.map(\.phase.objective))
    let trainer = try Trainer(
      configuration, plan: plan, model: model, optimizer: optimizer, average: average, tokenizer: tokenizer,
      data: TrainingData(text.training, configuration, plan: plan),
      evaluation: text.development.map {
        Evaluation(
          // Masked at the rate the run ends with, so that losses can be compared from its first step on.
          $0,
          objectives: Objectives.names.filter(evaluated.contains).map {
            Objectives.named(
              $0, tokenizer: tokenizer, maskRate: configuration.finalMaskRate ?? configuration.maskRate,
              maskUnit: configuration.maskUnit)
          }, length: configuration.length.first, sequences: configuration.evaluationSequences,
          microBatch: configuration.microBatch,
          seed: configuration.seed)
      },
      state: state, run: run, lock: lock, device: device)
    report(
      .ready(
        parameters: model.parameters.parameterCount, trainingTokens: text.training.count,
        developmentTokens: text.development?.count ?? 0, step: state.step, totalSteps: plan.totalSteps,
        memory: memory.bytes))
    return trainer
  }

  /// What a run records of its text.
  package static func checksum(_ training: TokenCorpus, _ development: TokenCorpus?) -> String {
    training.checksum + (development.map { "-\($0.checksum)" } ?? "")
  }

  /// The tokens of a text. They are kept between runs; where that folder cannot be written they are made again
  /// each time.
  package static func corpus(_ paths: [String], _ tokenizer: Tokenizer) throws -> TokenCorpus {
    do {
      return try TokenCorpus(paths, tokenizer: tokenizer, cacheDirectory: FileSystem.cacheFolder)
    } catch CorpusError.cacheUnwritable {
      return try TokenCorpus(paths, tokenizer: tokenizer)
    }
  }

  /// A preset of the tokenizer's size, or what a config.json says, with the tokenizer's special tokens. Throws where
  /// the sequences are longer than the model has positions.
  package static func modelDescription(
    _ configuration: TrainingConfiguration, tokenizer: Tokenizer, tokenizerFile: String,
    architectures: Architectures = .standard
  ) throws -> ModelConfiguration {
    let specials = tokenizer.specials
    // Where a tokenizer has no token of its own to fill up with, one that means something does.
    let padding = [specials.end, specials.beginning].contains(specials.padding) ? nil : Int(specials.padding)
    let description = try modelSizes(
      configuration, tokenizer: tokenizer, tokenizerFile: tokenizerFile, architectures: architectures
    )
    .withSpecialTokens(beginning: Int(specials.beginning), end: Int(specials.end), padding: padding)
    guard configuration.length.longest <= description.architecture.maximumLength else {
      throw TrainingError.tooLong(
        length: configuration.length.longest, maximum: description.architecture.maximumLength)
    }
    return description
  }

  private static func modelSizes(
    _ configuration: TrainingConfiguration, tokenizer: Tokenizer, tokenizerFile: String,
    architectures: Architectures
  ) throws -> ModelConfiguration {
    if let preset = architectures.preset(
      configuration.model, vocabularySize: tokenizer.vocabularySize)
    {
      return preset
    }
    guard configuration.model.hasSuffix(".json") else {
      throw TrainingError.option(
        "--model", found: "'\(configuration.model)'",
        expected: "one of \(architectures.presetNames.joined(separator: ", ")), or a config.json")
    }
    let description = try ModelConfiguration(
      contentsOf: URL(filePath: configuration.model), architectures: architectures)
    guard description.architecture.vocabularySize >= tokenizer.vocabularySize else {
      throw TrainingError.vocabularyMismatch(
        tokenizer: tokenizerFile, tokens: tokenizer.vocabularySize, model: configuration.model,
        vocabulary: description.architecture.vocabularySize)
    }
    return description
  }

  /// The tokens of a run.
  private struct Tokens {
    let training: TokenCorpus
    let development: TokenCorpus?

    init(_ configuration: TrainingConfiguration, tokenizer: Tokenizer, report: (Event) -> Void) throws {
      report(.reading(configuration.training))
      training = try TrainingRun.corpus(configuration.training, tokenizer)
      guard training.count >= configuration.length.longest else {
        throw TrainingError.tooLittleText(
          files: configuration.training, tokens: training.count, needed: configuration.length.longest)
      }
      if configuration.development.isEmpty {
        development = nil
      } else {
        report(.reading(configuration.development))
        let corpus = try TrainingRun.corpus(configuration.development, tokenizer)
        guard corpus.count >= 2 else {
          throw TrainingError.tooLittleText(
            files: configuration.development, tokens: corpus.count, needed: 2)
        }
        development = corpus
      }
    }

    var checksum: String { TrainingRun.checksum(training, development) }

    func plan(_ schedule: Schedule, _ configuration: TrainingConfiguration) throws -> TrainingPlan {
      let steps = TrainingData.stepsPerEpoch(
        tokens: training.count, length: configuration.length.first, batch: configuration.batch)
      return try TrainingPlan(schedule, stepsPerEpoch: steps, maximumSteps: configuration.maximumSteps)
    }
  }
}

/// The objectives a schedule may name.
public enum Objectives {
  public static let names = ["CLM", "MLM", "MNTP", "PrefixLM"]
  /// Those that are evaluated whether a schedule names them or not.
  package static let alwaysEvaluated: Set = ["CLM", "MLM"]

  package static func named(
    _ name: String, tokenizer: Tokenizer, maskRate: Float, maskUnit: Masking.Unit
  ) -> any Objective {
    let masking = Masking(
      vocabularySize: tokenizer.vocabularySize, specials: tokenizer.specials, rate: maskRate, unit: maskUnit)
    switch name {
    case "CLM": return CausalObjective()
    case "MLM": return MaskedObjective(masking)
    case "MNTP": return MaskedNextObjective(masking)
    case "PrefixLM": return PrefixObjective()
    default: preconditionFailure("Objectives: no objective \(name)")
    }
  }
}
