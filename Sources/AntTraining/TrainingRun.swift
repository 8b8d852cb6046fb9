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

  /// Begins a run on text that lies in files.
  ///
  /// - Parameters:
  ///   - configuration: the options; its record of device and text is filled in here.
  ///   - tokenizerFile: a tokenizer.json; copied into the run.
  ///   - folder: a new or empty folder.
  ///   - architectures: those its model may be of.
  ///   - objectives: what the schedule may name.
  ///   - optimizers: what the options may name.
  public static func start(
    _ configuration: TrainingConfiguration, tokenizerFile: String, in folder: String, on device: any Device,
    architectures: Architectures = .standard, objectives: Objectives = .standard,
    optimizers: OptimizerRules = .standard, report: (Event) -> Void = { _ in }
  ) throws -> Trainer {
    try RunDirectory.requireNew(folder)
    let tokenizer = try Tokenizer(contentsOf: FileSystem.url(reading: tokenizerFile))
    // What a killed start left is the same tokenizer or, if it is another, somebody else's.
    let kept = FileSystem.url(folder).appending(path: "tokenizer.json")
    if FileSystem.exists(kept), (try? Tokenizer(own: kept).checksum) != tokenizer.checksum {
      throw RunError.notEmpty(path: folder)
    }
    let model = try modelDescription(
      configuration, tokenizer: tokenizer, tokenizerFile: tokenizerFile, architectures: architectures)
    return try begin(
      configuration, model: model, tokenizer: tokenizer,
      text: { try TrainingText(configuration, tokenizer: tokenizer, report: report) }, in: folder, on: device,
      objectives: objectives, optimizers: optimizers, report: report)
  }

  /// Begins a run on a model, a tokenizer and text that are there as values.
  ///
  /// - Parameters:
  ///   - configuration: the options; its record of device and text is filled in here, and where it says which model
  ///     and which files to train on, that is a note only.
  ///   - model: sizes, with the tokenizer's special tokens; its vocabulary is the tokenizer's or larger.
  ///   - folder: a new or empty folder.
  ///   - objectives: what the schedule may name.
  ///   - optimizers: what the options may name.
  public static func start(
    _ configuration: TrainingConfiguration, model description: ModelConfiguration, tokenizer: Tokenizer,
    text: TrainingText, in folder: String, on device: any Device, objectives: Objectives = .standard,
    optimizers: OptimizerRules = .standard, report: (Event) -> Void = { _ in }
  ) throws -> Trainer {
    try begin(
      configuration, model: description, tokenizer: tokenizer, text: { text }, in: folder, on: device,
      objectives: objectives, optimizers: optimizers, report: report)
  }

  /// Begins a run with the weights of a model that is there already, on text that lies in files: continued training,
  /// under any schedule. The weights are saved as the run's checkpoint of step 0.
  ///
  /// - Parameters:
  ///   - configuration: the options; its record of device and text is filled in here.
  ///   - model: becomes the trainer's own; its vocabulary is the tokenizer's or larger.
  ///   - folder: a new or empty folder.
  ///   - objectives: what the schedule may name.
  ///   - optimizers: what the options may name.
  public static func start(
    _ configuration: TrainingConfiguration, from model: any Transformer, tokenizer: Tokenizer,
    in folder: String, objectives: Objectives = .standard, optimizers: OptimizerRules = .standard,
    report: (Event) -> Void = { _ in }
  ) throws -> Trainer {
    var configuration = configuration
    configuration.initialModel = configuration.initialModel ?? ""
    return try begin(
      configuration, model: model.configuration, weights: model, tokenizer: tokenizer,
      text: { try TrainingText(configuration, tokenizer: tokenizer, report: report) }, in: folder,
      on: model.device, objectives: objectives, optimizers: optimizers, report: report)
  }

  /// - Parameters:
  ///   - weights: a model to go on from; nil for a new one.
  ///   - text: is asked for when everything that can be refused without it was not.
  private static func begin(
    _ configuration: TrainingConfiguration, model description: ModelConfiguration,
    weights: (any Transformer)? = nil, tokenizer: Tokenizer,
    text: () throws -> TrainingText, in folder: String, on device: any Device, objectives: Objectives,
    optimizers: OptimizerRules, report: (Event) -> Void
  ) throws -> Trainer {
    let vocabulary = description.architecture.vocabularySize
    precondition(
      vocabulary >= tokenizer.vocabularySize,
      "TrainingRun: a model of \(vocabulary) tokens for a tokenizer of \(tokenizer.vocabularySize)")
    var configuration = configuration
    try configuration.validate()
    try RunDirectory.requireNew(folder)
    let schedule = try schedule(configuration, objectives)
    configuration.schedule = schedule.description
    // Everything that can be refused is refused before the folder is made.
    try requireFit([schedule], configuration, description, tokenizer: tokenizer, objectives: objectives)
    let rule = try optimizerRule(configuration, description, optimizers)
    let text = try text()
    try text.require(configuration)
    let plan = try text.plan([schedule], configuration)
    configuration.device = device.info.identifier
    configuration.deviceName = device.info.name
    configuration.tuning = device.tuning.choices.isEmpty ? nil : device.tuning
    configuration.trainingTokens = text.training.count
    configuration.developmentTokens = text.development?.count ?? 0
    configuration.textChecksum = text.checksum
    configuration.tokenizerChecksum = tokenizer.checksum

    let memory = try memory(of: description.architecture, configuration, rule, on: device)

    let run = try RunDirectory.create(folder)
    let lock = try RunLock(in: run.url)
    let model = weights ?? description.architecture.makeModel(seed: configuration.seed, on: device)
    try device.synchronize()
    try tokenizer.write(to: run.tokenizer)
    try RunConfiguration(model: description, antlm: configuration).write(to: run.configuration)
    let trainer = try trainer(
      configuration, plan: plan, model: model, rule: rule, tokenizer: tokenizer, text: text,
      objectives: objectives,
      checkpoint: nil, run: run, lock: lock, device: device, memory: memory, report: report)
    // No seed draws these weights anew.
    if weights != nil { try trainer.save() }
    return trainer
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
  ///   - text: the text itself, of a run that was begun on values.
  ///   - extension: a schedule to go on with now that all steps are done, recorded in the run; nil for none. Learning rates,
  ///     lengths and mask rates take their course over it again.
  ///   - objectives: what the schedule may name.
  ///   - optimizers: what the options may name.
  public static func resume(
    _ folder: String, on device: any Device, training: [String]? = nil, development: [String]? = nil,
    text: TrainingText? = nil, extension: String? = nil, optimizers: OptimizerRules = .standard,
    architectures: Architectures = .standard,
    objectives: Objectives = .standard,
    report: (Event) -> Void = { _ in }
  ) throws -> Trainer {
    let run = try RunDirectory(folder)
    let lock = try RunLock(in: run.url)
    let recorded = try RunConfiguration(
      contentsOf: run.configuration, run: folder, architectures: architectures)
    var configuration = recorded.antlm
    var schedules: [Schedule]
    do {
      try configuration.validate()
      schedules = try ([configuration.schedule] + configuration.extensions).map {
        try Schedule($0, objectives: objectives)
      }
      try requireLength(configuration, recorded.model)
    } catch let error as any CustomStringConvertible {
      throw RunError.configuration(path: run.configuration.path, reason: "\(error)")
    }
    if let notation = `extension` {
      schedules.append(try Schedule(notation, objectives: objectives))
      configuration.extensions.append(schedules[schedules.count - 1].description)
    }
    // What was found since would sum in another order.
    device.tuning = configuration.tuning ?? Tuning()
    if let training { configuration.training = training }
    if let development { configuration.development = development }
    try run.clean()
    let checkpoint = try run.checkpoints().last
    let tokenizer: Tokenizer
    do {
      tokenizer = try Tokenizer(own: run.tokenizer)
    } catch let error as TokenizerError {
      throw TrainingError.tokenizerGone(problem: error.problem)
    } catch let error as FileError where error.code == ENOENT {
      throw TrainingError.tokenizerGone(problem: "\(run.tokenizer.path) is missing")
    }
    guard tokenizer.checksum == configuration.tokenizerChecksum else {
      throw TrainingError.tokenizerChanged(file: run.tokenizer.path)
    }
    try requireFit(schedules, configuration, recorded.model, tokenizer: tokenizer, objectives: objectives)
    let rule = try optimizerRule(configuration, recorded.model, optimizers)
    if checkpoint == nil, configuration.initialModel != nil {
      throw RunError.beganWithoutWeights(path: folder)
    }
    // A pipe has been read, and a terminal would be waited for.
    let recordedFiles =
      (training == nil ? configuration.training : []) + (development == nil ? configuration.development : [])
    if text == nil,
      let stream = recordedFiles.first(where: { [nil, .other].contains(SystemPath($0).kind) })
    {
      throw TrainingError.textGone(file: stream)
    }
    let text = try text ?? TrainingText(configuration, tokenizer: tokenizer, report: report)
    try text.require(configuration)
    if text.checksum != configuration.textChecksum {
      try TrainingText.requireFormer(configuration, tokenizer: tokenizer)
    }
    let plan = try text.plan(schedules, configuration)
    // Whoever repeats the command after a kill would prolong the run once more.
    if `extension` != nil {
      let before = plan.parts[plan.parts.count - 2].upperBound
      guard checkpoint?.step == before else {
        throw RunError.unfinished(path: folder, step: checkpoint?.step ?? 0, of: before)
      }
    }
    let memory = try memory(of: recorded.model.architecture, configuration, rule, on: device)
    let model =
      try checkpoint.map { checkpoint in
        try checkpoint.reading {
          try ModelFolder.read(checkpoint.url, on: device, architectures: architectures)
        }
      }
      ?? recorded.model.architecture.makeModel(seed: configuration.seed, on: device)
    guard model.configuration == recorded.model else {
      throw RunError.configuration(
        path: run.configuration.path,
        reason:
          "its model is not that of checkpoint \(checkpoint?.name ?? "step-0"); set its keys beside \"antlm\" to "
          + "those of the config.json there")
    }
    let trainer = try trainer(
      configuration, plan: plan, model: model, rule: rule, tokenizer: tokenizer, text: text,
      objectives: objectives,
      checkpoint: checkpoint, run: run, lock: lock, device: device, memory: memory, report: report)
    if `extension` != nil {
      // Where the text lies now is no part of the record.
      var prolonged = recorded
      prolonged.antlm.extensions = configuration.extensions
      try prolonged.write(to: run.configuration)
    }
    return trainer
  }

  /// What the run will hold. Throws where there is no room for it.
  private static func memory(
    of model: any Architecture, _ configuration: TrainingConfiguration, _ rule: any OptimizerRule,
    on device: any Device
  ) throws -> TrainingMemory {
    let memory = TrainingMemory(
      model, tokens: configuration.microBatchTokens, averages: configuration.ema > 0,
      precision: configuration.precision, rule: rule, on: device.info)
    try memory.require(batch: configuration.microBatch)
    return memory
  }

  private static func trainer(
    _ configuration: TrainingConfiguration, plan: TrainingPlan, model: any Transformer,
    rule: any OptimizerRule, tokenizer: Tokenizer, text: TrainingText, objectives: Objectives,
    checkpoint: Checkpoint?, run: RunDirectory, lock: RunLock,
    device: any Device,
    memory: TrainingMemory, report: (Event) -> Void
  ) throws -> Trainer {
    model.precision = configuration.precision
    let optimizer = Optimizer(model.parameters, settings: configuration.optimizerSettings(rule))
    let average = configuration.ema > 0 ? WeightAverage(model.parameters, decay: configuration.ema) : nil
    var state = TrainerState()
    if let checkpoint {
      state = try TrainerState(checkpoint, of: plan, configuration)
      try checkpoint.reading {
        try CheckpointFiles.restore(optimizer, average, step: state.optimizerStep, from: checkpoint)
      }
      try run.settle(best: state.best?.step, keep: configuration.keep)
    }
    let evaluated = objectives.available(with: tokenizer.specials).all.filter { objective in
      objective.isAlwaysEvaluated
        || plan.phases.contains { $0.phase.mixture.objectives.contains(objective.name) }
    }
    let training = TrainingStep(
      model, optimizer: optimizer, clip: configuration.clip,
      dropout: model.configuration.architecture.dropoutRates(configuration.dropout),
      zLoss: configuration.zLoss, seed: configuration.seed)
    let trainer = try Trainer(
      configuration, plan: plan, model: model, training: training, average: average, tokenizer: tokenizer,
      data: TrainingData(
        text.training, configuration, plan: plan, tokenizer: tokenizer, objectives: objectives),
      evaluation: text.development.map {
        Evaluation(
          $0, objectives: evaluated, length: configuration.length.first,
          sequences: configuration.evaluationSequences, microBatch: configuration.microBatch,
          seed: configuration.seed,
          // Masked at the rate the run ends with, so that losses can be compared from its first step on.
          masking: configuration.masking(
            tokenizer, rate: configuration.finalMaskRate ?? configuration.maskRate),
          splitsDocuments: configuration.documents)
      },
      state: state, run: run, lock: lock)
    report(
      .ready(
        parameters: model.parameters.parameterCount, trainingTokens: text.training.count,
        developmentTokens: text.development?.count ?? 0, step: state.step, totalSteps: plan.totalSteps,
        memory: memory.bytes))
    return trainer
  }

  private static func schedule(_ configuration: TrainingConfiguration, _ objectives: Objectives) throws
    -> Schedule
  {
    try Schedule(configuration.schedule, objectives: objectives)
  }

  /// Throws where there is no such optimizer, or the model is none for it.
  private static func optimizerRule(
    _ configuration: TrainingConfiguration, _ model: ModelConfiguration, _ optimizers: OptimizerRules
  ) throws -> any OptimizerRule {
    guard let rule = optimizers[configuration.optimizer] else {
      throw TrainingError.option(
        "optimizer", found: "'\(configuration.optimizer)'",
        expected: "one of \(optimizers.names.joined(separator: ", "))")
    }
    let options = TrainingOptions()
    for option: any AnyTrainingOption in [options.matrixLearningRate, options.momentum]
    where !rule.hasMatrixRate && !option.agrees(configuration, TrainingConfiguration.usual) {
      throw TrainingError.option(
        option.name, found: option.text(in: configuration),
        expected: "left out: \(rule.name) has no rate of its own for matrices, and no such momentum")
    }
    if let problem = rule.problem(with: model.architecture.segments) {
      throw TrainingError.option(
        "optimizer", found: "'\(rule.name)'", expected: "another: \(problem)")
    }
    return rule
  }

  /// Throws what the start of a run would throw of its options, before there is a run: an optimizer that is none for the
  /// model, sequences too long for it, values for objectives that the schedule does not train.
  ///
  /// - Throws: ``TrainingError``, ``ScheduleError``, or an error of the tokenizer where an objective needs a mask token.
  public static func requireFit(
    _ configuration: TrainingConfiguration, model: ModelConfiguration, tokenizer: Tokenizer,
    objectives: Objectives = .standard, optimizers: OptimizerRules = .standard
  ) throws {
    _ = try optimizerRule(configuration, model, optimizers)
    try requireFit(
      [schedule(configuration, objectives)], configuration, model, tokenizer: tokenizer,
      objectives: objectives)
  }

  /// Throws where the model cannot read the run's sequences, or the tokenizer lacks the mask token that an objective
  /// of the schedule hides tokens behind.
  private static func requireFit(
    _ schedules: [Schedule], _ configuration: TrainingConfiguration, _ model: ModelConfiguration,
    tokenizer: Tokenizer, objectives: Objectives
  ) throws {
    try requireLength(configuration, model)
    let mixtures = schedules.flatMap(\.phases).map(\.mixture)
    let named = Set(mixtures.flatMap(\.objectives))
    if named.contains(where: { objectives[$0]?.needsMaskToken ?? false }) { try tokenizer.requireMask() }
    try requireNamed(configuration.learningRate, "learningRate", by: named, "of the schedule")
    let evaluated = named.union(objectives.all.filter(\.isAlwaysEvaluated).map(\.name))
    if let name = configuration.bestBy, !evaluated.contains(name) {
      throw TrainingError.option(
        "bestBy", found: "'\(name)'", expected: "one of \(evaluated.sorted().joined(separator: ", "))")
    }
    let mixed = Set(mixtures.filter(\.isMixed).flatMap(\.objectives))
    try requireNamed(configuration.weight, "weight", by: mixed, "that the schedule mixes")
    for mixture in mixtures where mixture.isMixed {
      guard mixture.objectives.contains(where: { configuration.weight.value(for: $0) > 0 }) else {
        throw TrainingError.option(
          "weight", found: "0 for all of \(mixture)", expected: "above 0 for one of them")
      }
    }
  }

  /// Throws where a value is said for an objective that it means nothing for.
  private static func requireNamed(
    _ values: ObjectiveValues, _ option: String, by objectives: Set<String>, _ whose: String
  ) throws {
    guard let stranger = values.own.keys.sorted().first(where: { !objectives.contains($0) }) else { return }
    throw TrainingError.option(
      option, found: "\(values.value(for: stranger)) for \(stranger)",
      expected: objectives.isEmpty
        ? "left out: the schedule mixes nothing"
        : "for an objective \(whose): \(objectives.sorted().joined(separator: ", "))")
  }

  private static func requireLength(_ configuration: TrainingConfiguration, _ model: ModelConfiguration)
    throws
  {
    guard configuration.length.longest <= model.architecture.maximumLength else {
      throw TrainingError.tooLong(
        length: configuration.length.longest, maximum: model.architecture.maximumLength)
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
    try requireLength(configuration, description)
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
        "model", found: "'\(configuration.model)'",
        expected: "one of \(architectures.presetNames.joined(separator: ", ")), or a config.json")
    }
    let description = try ModelConfiguration(
      contentsOf: FileSystem.url(configuration.model), architectures: architectures)
    guard description.architecture.vocabularySize >= tokenizer.vocabularySize else {
      throw TrainingError.vocabularyMismatch(
        tokenizer: tokenizerFile, tokens: tokenizer.vocabularySize, model: configuration.model,
        vocabulary: description.architecture.vocabularySize)
    }
    return description
  }
}
