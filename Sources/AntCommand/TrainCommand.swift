import AntAutograd
import AntDevice
import AntFiles
import AntInference
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
        antlm train --init run --schedule 4_MLM --train text.txt --dev dev.txt --out run2
        antlm train --resume run
        antlm train --resume run --extend 2_CLM

      A preset brings model, schedule and recipe; options given beside it go before
      ('antlm presets' shows them). A schedule counts epochs (4_CLM) or steps
      (200s_CLM) and repeats groups: (1_CLM+3_MLM)*6. The objectives are
      \(Objectives.standard.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n"))

      Ctrl-C or SIGTERM finishes the step and saves; an evaluation is made up for on
      --resume. A resumed run gives the bits it would have given.
      """)

  @Option(help: ArgumentHelp("Take this run up after its newest checkpoint.", valueName: "run"))
  var resume: String?
  @Option(
    help: ArgumentHelp(
      "With --resume: go on with this schedule after the run's own, its learning rate from the beginning again.",
      valueName: "schedule"))
  var extend: String?

  @Option(help: "A recipe: model, schedule and how to train ('antlm presets').")
  var preset: String?
  @Option(
    name: .customLong("train"), parsing: .upToNextOption,
    help: ArgumentHelp("Files or folders of text to train on.", valueName: "path"))
  var training: [String] = []
  @Option(
    name: .customLong("dev"), parsing: .upToNextOption,
    help: ArgumentHelp("Files or folders of text to evaluate on.", valueName: "path"))
  var development: [String] = []
  @Option(help: "The tokenizer.json of 'antlm tokenizer train'; with --init the model's own.")
  var tokenizer: String?
  @Option(help: "The run's folder: new or empty.")
  var out: String?

  @OptionGroup(title: "Options that a run records")
  var options: TrainingOptionGroup

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
    let initial = options.given["initialModel"]?.last
    if initial != nil,
      let option = [("--model", options.given["model"]?.last), ("--tokenizer", tokenizer)]
        .first(where: { $0.1 != nil })?.0
    {
      throw ValidationError("\(option) cannot be given with --init: the model brings its own")
    }
    if initial == "" {
      throw ValidationError("--init is given an empty path; name a run or a model's folder")
    }
    guard resume != nil else {
      if extend != nil { throw ValidationError("--extend needs --resume: a new run has its --schedule") }
      let recipe: Recipe?
      do {
        recipe = try preset.map(Recipe.named)
      } catch {
        throw ValidationError(Advice.message(of: error) ?? "\(error)")
      }
      for (option, value) in [
        ("--model", options.given["model"]?.last ?? preset ?? initial),
        ("--schedule", options.given["schedule"]?.last ?? preset),
        ("--tokenizer", tokenizer ?? initial),
        ("--out", out), ("--train", training.first),
      ] where value == nil {
        let making = recipe?.tokenizer.value.description ?? "--vocab 8192"
        throw ValidationError(
          option == "--tokenizer"
            ? "--tokenizer is missing; make one with 'antlm tokenizer train \(making) --out tok.json FILE...'"
            : "\(option) is missing; a new run needs --preset or --model and --schedule, and --train, --tokenizer "
              + "and --out (--init stands for --model and --tokenizer)")
      }
      return
    }
    let named = [("--preset", preset), ("--tokenizer", tokenizer), ("--out", out)]
    if let option = named.first(where: { $0.1 != nil })?.0 ?? options.first {
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
        development: development.isEmpty ? nil : absolute(development), extension: extend, report: announce)
      return (trainer, device)
    }
    guard let out else { preconditionFailure("TrainCommand: run before validate") }
    var configuration =
      try preset.map { try Recipe.named($0).configuration(training: absolute(training)) }
      ?? TrainingConfiguration(model: "", schedule: "", training: absolute(training))
    configuration.development = absolute(development)
    try options.apply(to: &configuration)
    if configuration.model.hasSuffix(".json") { configuration.model = absolute([configuration.model])[0] }
    configuration.kernels = (compute.kernels ?? .automatic).optionName
    // What needs no device is refused before one is opened.
    try configuration.validate()
    _ = try Schedule(configuration.schedule)
    try RunDirectory.requireNew(out)
    try OutputPath.requirePlace(for: out, makingFolders: true)
    let device = try compute.open()
    warn("device: \(device.info.name)")
    if let initial = configuration.initialModel {
      let trained = try TrainedModel(initial, on: device)
      configuration.initialModel = absolute([initial])[0]
      configuration.model = trained.folder.path
      let trainer = try TrainingRun.start(
        configuration, from: trained.model, tokenizer: trained.tokenizer, in: out, report: announce)
      return (trainer, device)
    }
    guard let tokenizer else { preconditionFailure("TrainCommand: run before validate") }
    let trainer = try TrainingRun.start(
      configuration, tokenizerFile: tokenizer, in: out, on: device, report: announce)
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

extension Masking.Unit: ExpressibleByArgument {}

/// `text` as one word of a shell.
func shellQuoted(_ text: String) -> String {
  let plain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+".contains($0)) }
  return plain && !text.isEmpty ? text : "'" + text.replacingExactly("'", with: "'\\''") + "'"
}
