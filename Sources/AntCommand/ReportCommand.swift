import AntFiles
import AntReport
import ArgumentParser
import Foundation

/// `antlm report`
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Shows runs on a page: curves, evaluations and samples.",
    discussion: """
      One HTML file that needs nothing beside itself. A run may still be in
      training. What 'antlm eval pairs' and 'antlm study' found a run to be worth
      (its evaluations.jsonl) is shown as tables.

      Examples:
        antlm report run --out report.html
        antlm report runs/clm runs/mlm runs/both --prompt "The dog" \\
            --prompt "The dog [MASK] the ball."
      """)

  @Argument(help: ArgumentHelp("Folders of runs.", valueName: "run"))
  var runs: [String]
  @Option(help: ArgumentHelp("The page to write.", valueName: "file"))
  var out = "report.html"
  @Option(help: "The page's title.")
  var title: String?
  @Option(
    help: "A text to continue or, with [MASK]s, to fill in; any number of them. (default: four of its own)")
  var prompt: [String] = []
  @Flag(name: .customLong("no-samples"), help: "Leave out what the newest checkpoints write.")
  var omitsSamples = false

  @OptionGroup var compute: DeviceOptionGroup

  func validate() throws {
    let read = runs.flatMap { run in
      ["config.json", "tokenizer.json", "metrics.jsonl", "evaluations.jsonl"].map { "\(run)/\($0)" }
    }
    try OutputPath.require(out, "--out", apartFrom: read)
    let target = OutputPath.resolved(out)
    // What is no page may be the weights of a run.
    if FileSystem.exists(target), !FileSystem.isFolder(target),
      !["html", "htm"].contains(target.pathExtension)
    {
      throw ValidationError("--out \(out) exists and is no .html file; name a page to write")
    }
    let folders = runs.map { OutputPath.resolved($0).path }
    if let index = folders.indices.first(where: { folders[..<$0].contains(folders[$0]) }) {
      throw ValidationError("\(runs[index]) is named twice; name each run once")
    }
    guard prompt.isEmpty || !omitsSamples else {
      throw ValidationError("--prompt and --no-samples exclude each other; leave one out")
    }
  }

  func run() throws {
    try OutputPath.requirePlace(for: out)
    var report = Report(try runs.map { try RunRecord($0) }, title: title)
    if !omitsSamples {
      let device = try compute.open()
      report.prompts = prompt.isEmpty ? Samples.defaultPrompts : prompt
      report.samples = try runs.map { try Samples(of: $0, prompts: report.prompts, on: device) }
      compute.printProfile(of: device)
    }
    let file = try OutputFile(OutputPath.resolved(out))
    try file.write(report.html)
    let size = try file.finish()
    emit("\(out): \(runs.count) run\(runs.count == 1 ? "" : "s"), \((size + 1023) / 1024) KiB")
  }
}
