import AntAutograd
import AntDevice
import AntFiles
import AntModels
import AntText
import AntTraining
import ArgumentParser
import Foundation

/// `antlm train`
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a model under a schedule of objectives, or takes a run up again.",
    discussion: """
      Examples:
        antlm train --model llama-mini --schedule 4_CLM+16_MLM+4_CLM \\
            --train text.txt --dev dev.txt \\
          --tokenizer tok.json --out run
        antlm train --preset antlm-babyllama --train corpus/ --dev dev/ \\
            --tokenizer tok.json --out run
        antlm train --resume run

      A preset brings model, schedule and recipe; options given beside it go before
      ('antlm presets' shows them). A schedule counts epochs (4_CLM) or steps
      (200s_CLM) and repeats groups: (1_CLM+3_MLM)*6. The objectives are
      \(Objectives.standard.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n"))

      Ctrl-C or SIGTERM finishes the step and saves; an evaluation is made up for on
      --resume. A resumed run gives the bits it would have given.
      """)

  @Option(help: ArgumentHelp("Take this run up after its newest checkpoint.", valueName: "run"))
  var resume: String?

  @Option(help: "A recipe: model, schedule and how to train ('antlm presets').")
  var preset: String?
  @Option(help: "A model (\(Architectures.standard.presetNames.joined(separator: ", "))) or a config.json.")
  var model: String?
  @Option(help: "Which objective when: 4_CLM+16_MLM+4_CLM.")
  var schedule: String?
  @Option(
    name: .customLong("train"), parsing: .upToNextOption,
    help: ArgumentHelp("Files or folders of text to train on.", valueName: "path"))
  var training: [String] = []
  @Option(
    name: .customLong("dev"), parsing: .upToNextOption,
    help: ArgumentHelp("Files or folders of text to evaluate on.", valueName: "path"))
  var development: [String] = []
  @Option(help: "The tokenizer.json of 'antlm tokenizer train'.")
  var tokenizer: String?
  @Option(help: "The run's folder: new or empty.")
  var out: String?

  @Option(help: "Sequences a step. (default: 32)")
  var batch: Int?
  @Option(help: "Parts a batch is split into to save memory. (default: 1)")
  var accumulate: Int?
  @Option(
    help:
      "Tokens a sequence; 128:90%,512 for 128 in the first nine tenths of the steps, then 512. (default: 128)",
    transform: { text in
      guard let schedule = LengthSchedule(text) else {
        throw ValidationError(
          "--length is '\(text)'; it must be a number such as 128, or shares such as 128:90%,512")
      }
      return schedule
    })
  var length: LengthSchedule?
  @Option(help: "Stop after this many steps; the learning rate's cosine ends there.")
  var maxSteps: Int?
  @Option(help: "Decides every random draw. (default: 1)")
  var seed: UInt64?

  @Option(
    name: .customLong("lr"), help: ArgumentHelp("Peak learning rate. (default: 1e-3)", valueName: "rate"))
  var learningRate: Double?
  @Option(
    name: .customLong("lr-floor"),
    help: ArgumentHelp("Where the cosine ends, as a part of the peak. (default: 0.1)", valueName: "part"))
  var learningRateFloor: Double?
  @Option(
    name: .customLong("lr-span"),
    help: ArgumentHelp("One cosine over the run, or one per phase. (default: run)", valueName: "run|phase"))
  var learningRateSpan: LearningRate.Span?
  @Option(help: "Steps (300) or part (2%) of the cosine in which the rate climbs. (default: 2%)")
  var warmup: String?
  @Option(
    help: ArgumentHelp(
      "The optimizer's moments at a switch of objective. (default: keep)", valueName: "keep|reset"))
  var optimizerState: TrainingConfiguration.OptimizerState?
  @Option(help: "adamw or lamb. (default: adamw)")
  var optimizer: Optimizer.Rule?
  @Option(help: "The optimizer's decay of the first moment. (default: 0.9)")
  var beta1: Float?
  @Option(help: "The optimizer's decay of the second moment. (default: 0.999)")
  var beta2: Float?
  @Option(help: "The optimizer's epsilon. (default: 1e-8)")
  var epsilon: Float?
  @Option(help: "The optimizer's weight decay; norms and biases do not decay. (default: 0.1)")
  var weightDecay: Float?
  @Option(help: "Scale gradients down to this norm; inf for no clipping. (default: 1)")
  var clip: Float?
  @Option(
    help: ArgumentHelp(
      "Evaluate and save a running mean of the weights, such as 0.999. (default: 0, none)",
      valueName: "decay"))
  var ema: Float?
  @Option(help: "Dropout in place of the model's own.")
  var dropout: Float?
  @Option(help: "Part of the tokens MLM and MNTP predict. (default: 0.15)")
  var maskRate: Float?
  @Option(help: "What that part has become at the last step, on a straight line. (default: no change)")
  var finalMaskRate: Float?
  @Option(
    help: ArgumentHelp("What they choose at a time. (default: tokens)", valueName: "tokens|spans"))
  var maskUnit: Masking.Unit?
  @Option(
    help: ArgumentHelp(
      "What the operands of products are rounded to; memory and sums stay float32. (default: float32)",
      valueName: "float32|tf32|bfloat16"))
  var precision: Precision?

  @Option(
    name: .customLong("eval-every"),
    help: ArgumentHelp("Steps between evaluations; 0 for ends of phases only. (default: 500)", valueName: "n")
  )
  var evaluateEvery: Int?
  @Flag(
    name: .customLong("eval-first"),
    help: "Evaluate before the first step too, which takes as long as any evaluation.")
  var evaluateFirst = false
  @Option(
    name: .customLong("eval-sequences"),
    help: ArgumentHelp("Sequences an evaluation reads; 0 for all. (default: 512)", valueName: "n"))
  var evaluationSequences: Int?
  @Option(
    help: ArgumentHelp("Steps between checkpoints; 0 for ends of phases only. (default: 500)", valueName: "n")
  )
  var checkpointEvery: Int?
  @Option(help: ArgumentHelp("Checkpoints to keep beside the best; 0 for all. (default: 2)", valueName: "n"))
  var keep: Int?

  @OptionGroup var compute: DeviceOptionGroup

  @Flag(help: "Print the lines of metrics.jsonl instead of progress.")
  var json = false

  func validate() throws {
    for (option, paths) in [
      ("--train", training), ("--dev", development), ("--out", out.map { [$0] } ?? []),
      ("--resume", resume.map { [$0] } ?? []),
    ] where paths.contains("") {
      throw ValidationError("\(option) is given an empty path; name a file or folder")
    }
    guard resume != nil else {
      let recipe: Recipe?
      do {
        recipe = try preset.map(Recipe.named)
      } catch {
        throw ValidationError("\(error)")
      }
      for (option, value) in [
        ("--model", model ?? preset), ("--schedule", schedule ?? preset), ("--tokenizer", tokenizer),
        ("--out", out), ("--train", training.first),
      ] where value == nil {
        let making = recipe?.tokenizer.value.description ?? "--vocab 8192"
        throw ValidationError(
          option == "--tokenizer"
            ? "--tokenizer is missing; make one with 'antlm tokenizer train \(making) --out tok.json FILE...'"
            : "\(option) is missing; a new run needs --preset or --model and --schedule, and --train, --tokenizer "
              + "and --out")
      }
      return
    }
    let given: [(String, Any?)] = [
      ("--preset", preset), ("--model", model), ("--schedule", schedule), ("--tokenizer", tokenizer),
      ("--out", out), ("--batch", batch), ("--accumulate", accumulate), ("--length", length),
      ("--max-steps", maxSteps),
      ("--seed", seed), ("--lr", learningRate), ("--lr-floor", learningRateFloor),
      ("--lr-span", learningRateSpan), ("--warmup", warmup), ("--optimizer-state", optimizerState),
      ("--beta1", beta1), ("--beta2", beta2), ("--epsilon", epsilon), ("--weight-decay", weightDecay),
      ("--clip", clip), ("--dropout", dropout), ("--mask-rate", maskRate),
      ("--final-mask-rate", finalMaskRate), ("--mask-unit", maskUnit), ("--optimizer", optimizer),
      ("--ema", ema), ("--precision", precision),
      ("--eval-every", evaluateEvery),
      ("--eval-first", evaluateFirst ? true : nil), ("--eval-sequences", evaluationSequences),
      ("--checkpoint-every", checkpointEvery), ("--keep", keep),
    ]
    if let (option, _) = given.first(where: { $0.1 != nil }) {
      throw ValidationError("\(option) cannot be given with --resume: the run's own options are used")
    }
  }

  func run() throws {
    let start = ContinuousClock.now
    let (trainer, device) = try makeTrainer()
    Interruption.watch("stopping after this step; once more ends at once, without saving")
    let progress = TrainingProgress(trainer, json: json, start: start)
    let outcome: Trainer.Outcome
    do {
      outcome = try trainer.train(until: { Interruption.isRequested }, report: progress.show)
    } catch {
      progress.end()
      throw error
    }
    progress.end()
    compute.printProfile(of: device)
    switch outcome {
    case .finished: progress.summarize(folder: out ?? resume ?? "")
    case .stopped(let step):
      let line =
        "stopped after step \(step); continue with: antlm train --resume \(shellQuoted(out ?? resume ?? ""))"
      if json { warn(line) } else { emit(line) }
    }
  }

  private func makeTrainer() throws -> (Trainer, any Device) {
    if let folder = resume {
      let recorded = try TrainingRun.configuration(of: folder)
      let device = try compute.open(
        or: recorded.device, kernels: KernelSet(argument: recorded.kernels) ?? .automatic)
      if device.info.name != recorded.deviceName {
        warn(
          "\(folder) was trained on \(recorded.deviceName); on \(device.info.name) it goes on, but not to the same bits"
        )
      }
      let trainer = try TrainingRun.resume(
        folder, on: device, training: training.isEmpty ? nil : absolute(training),
        development: development.isEmpty ? nil : absolute(development), report: announce)
      return (trainer, device)
    }
    guard let tokenizer, let out else { preconditionFailure("TrainCommand: run before validate") }
    var options =
      try preset.map { try Recipe.named($0).configuration(training: absolute(training)) }
      ?? TrainingConfiguration(model: "", schedule: "", training: absolute(training))
    options.development = absolute(development)
    func take<Value>(_ given: Value?, _ key: WritableKeyPath<TrainingConfiguration, Value>) {
      if let given { options[keyPath: key] = given }
    }
    func take<Value>(_ given: Value?, _ key: WritableKeyPath<TrainingConfiguration, Value?>) {
      if let given { options[keyPath: key] = given }
    }
    take(model, \.model)
    take(schedule, \.schedule)
    take(batch, \.batch)
    take(accumulate, \.accumulate)
    take(length, \.length)
    options.maximumSteps = maxSteps
    take(seed, \.seed)
    take(learningRate, \.learningRate)
    take(learningRateFloor, \.learningRateFloor)
    take(learningRateSpan, \.learningRateSpan)
    take(warmup, \.warmup)
    take(optimizer, \.optimizer)
    take(optimizerState, \.optimizerState)
    take(beta1, \.beta1)
    take(beta2, \.beta2)
    take(epsilon, \.epsilon)
    take(weightDecay, \.weightDecay)
    take(clip, \.clip)
    take(ema, \.ema)
    take(dropout, \.dropout)
    take(maskRate, \.maskRate)
    take(finalMaskRate, \.finalMaskRate)
    take(maskUnit, \.maskUnit)
    take(precision, \.precision)
    take(evaluateEvery, \.evaluateEvery)
    options.evaluateFirst = evaluateFirst
    take(evaluationSequences, \.evaluationSequences)
    take(checkpointEvery, \.checkpointEvery)
    take(keep, \.keep)
    if options.model.hasSuffix(".json") { options.model = absolute([options.model])[0] }
    options.kernels = (compute.kernels ?? .automatic).optionName
    // What needs no device is refused before one is opened.
    try options.validate()
    _ = try Schedule(options.schedule)
    try RunDirectory.requireNew(out)
    let device = try compute.open()
    warn("device: \(device.info.name)")
    let trainer = try TrainingRun.start(
      options, tokenizerFile: tokenizer, in: out, on: device, report: announce)
    return (trainer, device)
  }

  /// The run must find its text from wherever it is resumed.
  private func absolute(_ paths: [String]) -> [String] {
    paths.map { FileSystem.url(reading: $0).path }
  }

  private func announce(_ event: TrainingRun.Event) {
    switch event {
    case .reading(let paths): warn("reading \(paths.joined(separator: ", "))")
    case .ready(let parameters, let training, let development, let step, let total, let memory):
      if step >= total {
        warn("all \(total) steps are done already; nothing is left to train")
        return
      }
      let millions = String(format: "%.1f", Double(parameters) / 1e6)
      warn(
        "\(millions) M parameters, \(training) tokens to train on, \(development) to evaluate on, "
          + "steps \(step + 1) to \(total), about \(memory / 1_048_576) MiB at most")
    }
  }
}

extension LearningRate.Span: ExpressibleByArgument {}
extension Optimizer.Rule: ExpressibleByArgument {}
extension Masking.Unit: ExpressibleByArgument {}
extension TrainingConfiguration.OptimizerState: ExpressibleByArgument {}

/// `text` as one word of a shell.
func shellQuoted(_ text: String) -> String {
  let plain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+".contains($0)) }
  return plain && !text.isEmpty ? text : "'" + text.replacingExactly("'", with: "'\\''") + "'"
}
