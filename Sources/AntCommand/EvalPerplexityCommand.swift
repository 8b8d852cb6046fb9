import AntEvaluation
import AntFiles
import AntText
import AntTraining
import ArgumentParser
import Foundation

/// `antlm eval perplexity`
struct EvalPerplexityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity",
    abstract: "How well a model predicts a text, under each objective.",
    discussion: """
      The text is read in blocks as training reads it. Losses are in nats a
      prediction, perplexities their exponentials; of MDLM the bound on the text's
      negative log-likelihood, in nats a token. The objectives are
      \(Objectives.standard.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n"))

      Example: antlm eval perplexity run dev.txt --objectives CLM MLM PrefixLM
      """)

  @OptionGroup var source: ModelArguments

  @Argument(help: ArgumentHelp("Files or folders of text.", valueName: "path"))
  var paths: [String]
  @Option(parsing: .upToNextOption, help: "Any of these objectives. (default: CLM MLM)")
  var objectives: [String] = []
  @Option(help: "Tokens a block. (default: 128, or the model's most)")
  var length: Int?
  @Option(help: "Blocks to read, spread over the text; 0 for all.")
  var sequences = 0
  @Option(help: "Part of the tokens MLM and MNTP hide.")
  var maskRate: Float = 0.15
  @Option(help: "What MLM and MNTP hide: tokens, or spans of them as LTG-BERT does.")
  var maskUnit = Masking.Unit.tokens
  @Flag(help: "Keep the lines packed in a block apart, as training with --documents does.")
  var documents = false
  @Option(help: "Decides which tokens are hidden.")
  var seed: UInt64 = 1
  @Flag(help: "One JSON object an objective.")
  var json = false

  func validate() throws {
    if let wrong = objectives.first(where: { !Objectives.standard.names.contains($0) }) {
      throw ValidationError(
        "--objectives names '\(wrong)'; it must be of \(Objectives.standard.names.joined(separator: ", "))")
    }
    guard Set(objectives).count == objectives.count else {
      throw ValidationError("--objectives names one twice")
    }
    guard (length ?? 2) >= 2 else { throw ValidationError("--length must be 2 or more") }
    guard sequences >= 0 else { throw ValidationError("--sequences must be 0 or more") }
    guard maskRate >= 0.01, maskRate <= 1 else { throw ValidationError("--mask-rate must be 0.01 to 1") }
  }

  func run() throws {
    let (trained, device) = try source.open()
    var options = Perplexity.Options()
    if !objectives.isEmpty { options.objectives = objectives }
    options.length = length ?? min(options.length, trained.model.maximumLength)
    guard options.length <= trained.model.maximumLength else {
      throw ValidationError("--length must be at most the model's \(trained.model.maximumLength) positions")
    }
    options.sequences = sequences
    options.maskRate = maskRate
    options.maskUnit = maskUnit
    options.documents = documents
    options.seed = seed
    let result = try Perplexity(of: trained, on: paths, options)
    var rows = [["objective", "loss", "perplexity", "blocks"]]
    for name in result.objectives {
      guard let loss = result.losses[name] else { continue }
      if json {
        var object = JSONObject()
        object.set("objective", name)
        object.set("loss", loss)
        object.set("perplexity", exp(loss))
        object.set("blocks", result.sequences)
        object.set("length", options.length)
        emit(object)
      } else {
        rows.append([
          name, String(format: "%.4f", loss), String(format: "%.3f", exp(loss)), "\(result.sequences)",
        ])
      }
    }
    if !json { emit(table(rows)) }
    source.compute.printProfile(of: device)
  }
}
