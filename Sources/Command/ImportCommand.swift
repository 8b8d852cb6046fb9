import AntAutograd
import AntDevices
import AntInference
import ArgumentParser

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

extension RelativePositions.Layout: ExpressibleByArgument {}
