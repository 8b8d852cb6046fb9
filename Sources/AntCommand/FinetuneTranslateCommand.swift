import AntEvaluation
import AntFiles
import AntInference
import AntText
import ArgumentParser
import Foundation

/// `antlm finetune translate`
struct FinetuneTranslateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "translate",
    abstract: "Fine-tunes a model to translate: one decoder reads a line and goes on with its translation.",
    discussion: """
      Reads two texts that correspond line by line and trains on <s> source </s>
      target </s>, the target alone counting. With --mask prefix the source sees
      itself both ways, with causal each token sees those before it. Pairs that
      outgrow the model's positions are left out. With --dev-source and --dev-target
      the epoch with the lowest loss on them counts, and in the end they are
      translated, greedily and with a beam, and scored as 'antlm eval translation'
      does. The folder written is a model that every command opens; 'antlm
      translate' translates with it.

      Unless told otherwise: 5 epochs, 64 pairs an update, rate 5e-4 after 5 % of the
      updates, patience 3.

      Example: antlm finetune translate run --source train.en --target train.de \\
          --dev-source val.en \\
          --dev-target val.de --mask prefix --epochs 8 --out en-de
      """)

  @OptionGroup var source: ModelArguments

  @Option(name: .customLong("source"), help: ArgumentHelp("Lines to translate.", valueName: "file"))
  var sourceText: String
  @Option(help: ArgumentHelp("Their translations, line by line.", valueName: "file"))
  var target: String
  @Option(help: ArgumentHelp("Lines to evaluate on.", valueName: "file"))
  var devSource: String?
  @Option(help: ArgumentHelp("Their translations.", valueName: "file"))
  var devTarget: String?
  @Option(help: "What a source sees of itself: prefix for all of it, causal for what came before.")
  var mask: TranslationMask = .prefix
  @Option(help: ArgumentHelp("The folder to write the model to: new or empty.", valueName: "folder"))
  var out: String

  @OptionGroup var tuning: FineTuningOptions
  @Option(help: "Dropout in place of the model's own.")
  var dropout: Float?
  @Option(help: "Decides the order of the pairs and what is dropped out.")
  var seed: UInt64 = 1

  @OptionGroup var beam: BeamOptions
  @Option(
    help: ArgumentHelp(
      "Also write the translations of --dev-source here, those of the beam.", valueName: "file"))
  var output: String?
  @Flag(help: "One JSON object an epoch, then one for each way of translating.")
  var json = false

  func validate() throws {
    if out.isEmpty { throw ValidationError("--out is empty; name a folder") }
    guard (devSource == nil) == (devTarget == nil) else {
      throw ValidationError("--dev-source and --dev-target belong together; give both or none")
    }
    if let output {
      guard devSource != nil else { throw ValidationError("--output needs --dev-source and --dev-target") }
      try OutputPath.require(
        output, "--output", apartFrom: [sourceText, target, out] + [devSource, devTarget].compactMap { $0 })
      try OutputPath.require(output, "--output", leavesModelIn: source.run)
    }
  }

  func run() throws {
    var settings = try tuning.applied(to: TranslationTraining.defaultSettings)
    settings.seed = seed
    try ModelExchange.requireNew(out)
    try OutputPath.requirePlace(for: out, makingFolders: true)
    if let output { try OutputPath.requirePlace(for: output) }
    var text = try ParallelText(source: sourceText, target: target)
    if let limit = tuning.limit { text.limit(limit) }
    var development: ParallelText?
    if let devSource, let devTarget {
      development = try ParallelText(source: devSource, target: devTarget)
    }
    let (trained, device) = try source.open()
    let training = try TranslationTraining(
      trained, training: text, development: development, mask: mask, settings: settings, dropout: dropout)
    if training.skipped > 0 {
      warn(
        "\(sourceText): \(training.skipped) of \(text.pairs.count) pairs are longer than the model's "
          + "\(trained.model.maximumLength) positions and were left out")
    }

    Interruption.watch("stopping; once more ends at once")
    let progress = Progress()
    defer { progress.end() }
    let result = try training(
      until: { Interruption.isRequested }, report: { show($0, on: progress) })
    progress.end()
    guard let best = result.bestEpoch else {
      warn("stopped before the first epoch was done; nothing was written")
      throw ExitCode(1)
    }
    try training.write(to: out)
    func requireNoStop() throws {
      guard Interruption.isRequested else { return }
      progress.end()
      warn("stopped: \(out) holds the model as after epoch \(best)")
      throw ExitCode(1)
    }
    if result.outcome == .interrupted { try requireNoStop() }
    if let development { try translate(development, with: trained, check: requireNoStop) }
    source.compute.printProfile(of: device)
    if !json { warn("\(out): the model as after epoch \(best)") }
  }

  private func show(_ line: FineTuningStep, on progress: Progress) {
    let place = "epoch \(line.epoch)/\(line.epochs)"
    progress.show(line, at: place)
    guard let figure = line.figure else { return }
    let loss = devSource == nil ? nil : -figure
    if json {
      var object = JSONObject()
      object.set("epoch", line.epoch)
      object.set("step", line.step)
      object.set("loss", line.loss)
      object.set("devLoss", loss)
      emit(object)
    } else if let loss {
      warn(place + String(format: "  dev loss %.4f", loss) + (line.isBest ? "  best so far" : ""))
    }
  }

  /// Translates the development text greedily and with the beam, and prints the scores.
  private func translate(_ text: ParallelText, with trained: TrainedModel, check: () throws -> Void) throws {
    for width in beam.width == 1 ? [1] : [1, beam.width] {
      let name = width == 1 ? "greedy" : "beam \(width)"
      let progress = Progress()
      defer { progress.end() }
      let translations = try Translator(
        trained, mask: mask, width: width, lengthPenalty: beam.lengthPenalty)(text.pairs.map(\.source)) {
          try check()
          progress.show("\(name): \($0) of \($1) lines", done: $0, of: $1)
        }
      progress.end()
      let score = TranslationScore(translations.map(\.text), references: text.pairs.map(\.target))
      if json {
        var object = score.object
        object.set("beam", width)
        object.set("mask", mask.rawValue)
        emit(object)
      } else {
        emit("\(name)  \(score.line)")
      }
      if width == beam.width, let output { try BeamOptions.write(translations, to: output) }
    }
  }
}

/// How translations are searched for.
struct BeamOptions: ParsableArguments {
  @Option(
    name: .customLong("beam"), help: "Hypotheses kept side by side; 1 always takes the likeliest token.")
  var width = 4
  @Option(help: "0 orders finished hypotheses by probability; more favors longer ones.")
  var lengthPenalty = 0.6

  func validate() throws {
    guard (1...128).contains(width) else { throw ValidationError("--beam must be 1 to 128") }
    guard lengthPenalty >= 0, lengthPenalty <= 10 else {
      throw ValidationError("--length-penalty must be 0 to 10")
    }
  }

  /// A line each.
  static func write(_ translations: [Translator.Translation], to path: String) throws {
    let file = try OutputFile(OutputPath.resolved(path))
    for translation in translations { try file.write(translation.text + "\n") }
    try file.finish()
  }
}

extension TranslationMask: ExpressibleByArgument {}
