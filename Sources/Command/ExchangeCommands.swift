import AntLM
import ArgumentParser
import Autograd
import Devices

/// `antlm import`
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Takes in a model that transformers or others saved.",
    discussion: """
      Reads config.json, model.safetensors (or the files its index names, in
      float32, float16 or bfloat16) and tokenizer.json of a Llama or an LTG-BERT. A
      Llama has as many key and value heads as heads, heads of hidden_size /
      num_attention_heads, rotary positions of the default type and no biases; what
      is otherwise is refused. A tokenizer that cannot be used here is copied with a
      warning.

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
  var positionProjection: RelativePositions.Layout?

  func validate() throws {
    if source.isEmpty || out.isEmpty { throw ValidationError("an empty path; name folders") }
  }

  func run() throws {
    let (architecture, problem) = try ModelExchange.importModel(
      from: source, to: out, positionProjection: positionProjection?.rawValue,
      on: Devices.open("cpu").device)
    if let problem { warn("its tokenizer cannot be used here: \(problem)") }
    emit("\(out): \(architecture.parameterCount) parameters, vocabulary \(architecture.vocabularySize)")
  }
}

/// `antlm export`
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a run's model as a folder for transformers, without what only training needs.",
    discussion: """
      A Llama opens as it is; an LTG-BERT brings its classes along: open it with
      trust_remote_code=True.

      Example: antlm export run --checkpoint best --out model
      """)

  @Argument(help: ArgumentHelp("A run, or a folder with a model.", valueName: "run"))
  var source: String
  @Option(help: "latest, best or step-N.")
  var checkpoint = "latest"
  @Option(help: "The folder to write: new or empty.")
  var out: String

  func validate() throws {
    if out.isEmpty { throw ValidationError("--out is empty; name a folder") }
  }

  func run() throws {
    let model = try TrainedModel(source, checkpoint: checkpoint, on: Devices.open("cpu").device)
    try ModelExchange.export(model, to: out)
    emit("\(out): \(model.model.configuration.architecture.parameterCount) parameters")
  }
}

extension RelativePositions.Layout: ExpressibleByArgument {}
