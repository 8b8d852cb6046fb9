import AntEvaluation
import ArgumentParser

/// `antlm classify`
struct ClassifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify",
    abstract: "Labels texts with a classifier that was fine-tuned for their task.",
    discussion: """
      Reads one JSON object a line with the task's fields (see 'antlm finetune
      classify --help') and prints {"idx": …, "pred": …} for each, idx being the
      line's own or else its number, from 0.

      Examples:
        antlm finetune classify run --task rte --data glue --recipe 2024 --out rte
        antlm classify rte rte.test.jsonl > rte.predictions.jsonl
        antlm classify rte rte.valid.jsonl --scores > /dev/null
      """)

  @Argument(help: "A folder that 'antlm finetune classify --out' wrote.")
  var folder: String
  @Argument(help: ArgumentHelp("The texts, one JSON object a line.", valueName: "file"))
  var file: String
  @Flag(help: "Every line has a label: judge by them, on standard error.")
  var scores = false

  @OptionGroup var compute: DeviceOptionGroup

  func run() throws {
    let device = try compute.open()
    let trained = try TrainedClassifier(folder, on: device)
    let examples = try ClassificationExamples(file, trained.task, labelled: scores)
    let (labels, cut) = try trained.predictions(for: examples)
    if cut > 0 { warn("\(file): \(cut) of \(labels.count) inputs cut to \(trained.length) tokens") }
    StandardOutput.write(examples.predictionLines(labels).utf8)
    if scores {
      let scores = ClassificationScores(
        predictions: labels, right: examples.examples.compactMap(\.label), labels: trained.task.labels)
      let metrics = ClassificationScores.Metric.allCases.filter { scores[$0] != nil }
      warn(table([metrics.map(\.rawValue), metrics.map { decimal(scores[$0]) }]))
    }
    compute.printProfile(of: device)
  }
}
