import AntEvaluation
import AntFiles
import AntInference
import ArgumentParser
import Foundation

/// `antlm finetune classify`
struct FinetuneClassifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify",
    abstract: "Fine-tunes a model to tell labels, by the rules of the BabyLM evaluations.",
    discussion: """
      Reads DIR/TASK.train.jsonl and DIR/TASK.valid.jsonl, one JSON object a line
      with "label" and

        boolq      question, passage
        cola, sst2 sentence
        mnli       premise, hypothesis
        mrpc, rte  sentence1, sentence2
        multirc    paragraph, question, answer
        qnli       question, sentence
        qqp        question1, question2
        wsc        text, span1_text, span2_text

      Every seed starts from the same model with a new head. After each epoch the
      validation examples are classified; the best epoch counts. What is printed as
      majority is one label for all, the one most frequent in training. Settings that
      are not given are the recipe's. The 2025 recipe differs from the BabyLM
      pipeline of that year in two ways: weight decay spares norms and biases, and
      in mode causal the head reads the last token.

      Examples:
        antlm finetune classify run --task rte --data glue --recipe 2024
        antlm finetune classify run --task mrpc --data glue --recipe 2025 \\
            --mode masked --seeds 12 13 14 --json
      """)

  @OptionGroup var source: ModelArguments

  @Option(help: "boolq, cola, mnli, mrpc, multirc, qnli, qqp, rte, sst2 or wsc.")
  var task: ClassificationTask
  @Option(help: ArgumentHelp("The folder of the task's two files.", valueName: "dir"))
  var data: String
  @Option(help: "The year of the BabyLM evaluation whose head and settings are used: 2024 or 2025.")
  var recipe: ClassificationRecipe.Year
  @Option(
    help:
      "causal: a token sees those before it; masked: it sees all. (default: as the architecture was made)")
  var mode: Embedder.Mode?
  @Option(parsing: .upToNextOption, help: "One run a seed. (default: the recipe's: 12 for 2024, 42 for 2025)")
  var seeds: [UInt64] = []

  @OptionGroup var tuning: FineTuningOptions
  @Option(help: "Tokens of an input at most; longer ones are cut.")
  var length: Int?
  @Option(
    help: ArgumentHelp("What the best epoch is chosen by.", valueName: "accuracy|f1|matthews"))
  var select: ClassificationScores.Metric?

  @Option(
    help: ArgumentHelp(
      "Write the best seed's labels of the validation examples here, {\"idx\": …, \"pred\": …} a line. The best seed "
        + "is the first of those with the highest --select metric.", valueName: "file"))
  var predictions: String?
  @Option(help: ArgumentHelp("Write the best seed's model and head to this folder, new or empty."))
  var out: String?
  @Flag(help: "One JSON object a seed, then one with the means.")
  var json = false

  private var files: (training: String, validation: String) {
    let folder = data.hasSuffix("/") ? data : data + "/"
    return ("\(folder)\(task.rawValue).train.jsonl", "\(folder)\(task.rawValue).valid.jsonl")
  }

  func validate() throws {
    if data.isEmpty { throw ValidationError("--data is empty; name a folder") }
    guard Set(seeds).count == seeds.count else { throw ValidationError("--seeds names one twice") }
    if select == .f1, task.labels > 2 {
      throw ValidationError("--select f1 needs two labels; \(task.rawValue) has \(task.labels)")
    }
    if let predictions {
      try OutputPath.require(
        predictions, "--predictions",
        apartFrom: [files.training, files.validation] + [out].compactMap { $0?.isEmpty == false ? $0 : nil })
      try OutputPath.require(predictions, "--predictions", leavesModelIn: source.run)
    }
    if out?.isEmpty == true { throw ValidationError("--out is empty; name a folder") }
  }

  func run() throws {
    if let predictions { try OutputPath.requirePlace(for: predictions) }
    if let out {
      try ModelExchange.requireNew(out)
      try OutputPath.requirePlace(for: out, makingFolders: true)
    }
    var recipe = ClassificationRecipe(recipe, task)
    recipe.settings = try tuning.applied(to: recipe.settings)
    if let length { recipe.length = length }
    if let select { recipe.selection = select }

    var training = try ClassificationExamples(files.training, task)
    var validation = try ClassificationExamples(files.validation, task)
    if let limit = tuning.limit {
      training.limit(limit)
      validation.limit(limit)
    }
    let (trained, device) = try source.open()
    let classification = try Classification(
      trained, task, training: training, validation: validation, recipe: recipe, mode: mode)
    for (set, count) in [
      (training, classification.cut.training), (validation, classification.cut.validation),
    ]
    where count > 0 {
      warn("\(set.file): \(count) of \(set.examples.count) inputs cut to \(classification.length) tokens")
    }

    Interruption.watch("stopping; once more ends at once")
    let table = ClassificationTable(classification, json: json)
    var best: Classification.Result?
    var isWhole = true
    for seed in seeds.isEmpty ? [recipe.settings.seed] : seeds {
      let progress = Progress()
      defer { progress.end() }
      func show(_ line: FineTuningStep) {
        let place = "seed \(seed)  epoch \(line.epoch)/\(line.epochs)"
        progress.show(line, at: place)
        guard let figure = line.figure else { return }
        warn(
          place + "  \(recipe.selection.rawValue)" + String(format: " %.4f", figure)
            + (line.isBest ? "  best so far" : ""))
      }
      let result = try classification(seed: seed, until: { Interruption.isRequested }, report: show)
      progress.end()
      guard let result, result.outcome != .interrupted else {
        isWhole = false
        break
      }
      table.add(result)
      if best.map({ result.figure > $0.figure }) ?? true { best = result }
    }
    table.end()
    source.compute.printProfile(of: device)
    guard isWhole else {
      warn("stopped: only the seeds above were finished; no file was written")
      throw ExitCode(1)
    }
    guard let best else { return }
    // The model first: where the disk is full, what is lost is the lesser of the two.
    if let out { try classification.write(best, to: out) }
    if let predictions {
      let file = try OutputFile(OutputPath.resolved(predictions))
      try file.write(validation.predictionLines(best.predictions))
      try file.finish()
    }
  }
}

extension ClassificationTask: ExpressibleByArgument {}
extension ClassificationRecipe.Year: ExpressibleByArgument {}
extension ClassificationScores.Metric: ExpressibleByArgument {}
