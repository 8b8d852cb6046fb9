import AntDevices
import AntInference
import AntModels
import ArgumentParser

/// `antlm import`
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Takes in a model that transformers or others saved.",
    discussion: """
      Reads config.json, model.safetensors (or the files its index names, in
      float32, float16 or bfloat16) and tokenizer.json. The model_type may be:
      \(Architectures.standard.types.map { "\($0.modelType): \($0.about)." }.joined(separator: "\n"))
      What is otherwise is refused. A tokenizer that cannot be used here is copied
      with a warning.

      Example: antlm import ltgbert --position-projection blocked --out model
      """)

  @Argument(help: "A Hugging Face folder.")
  var source: String
  @Option(help: "The folder to write: new or empty.")
  var out: String
  @Option(
    help: ArgumentHelp(
      "Which LTG-BERT it is, where its config.json does not say: blocked is the authors', per_head a published "
        + "port's.", valueName: "blocked|per_head"))
  var positionProjection: LTGBertConfiguration.PositionProjection?

  func validate() throws {
    if source.isEmpty || out.isEmpty { throw ValidationError("an empty path; name folders") }
  }

  func run() throws {
    let (architecture, problem) = try ModelExchange.importModel(
      from: source, to: out, saying: positionProjection.map { ["position_projection": $0.rawValue] } ?? [:],
      on: Devices.open("cpu").device)
    if let problem { warn("its tokenizer cannot be used here: \(problem)") }
    emit("\(out): \(architecture.parameterCount) parameters, vocabulary \(architecture.vocabularySize)")
  }
}

extension LTGBertConfiguration.PositionProjection: ExpressibleByArgument {}
