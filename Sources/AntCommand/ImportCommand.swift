import AntDevices
import AntFiles
import AntInference
import AntModels
import AntTraining
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
  @OptionGroup var said: UnsaidKeyOptions

  func validate() throws {
    if source.isEmpty || out.isEmpty { throw ValidationError("an empty path; name folders") }
  }

  func run() throws {
    try ModelExchange.requireNew(out)
    try OutputPath.requirePlace(for: out, makingFolders: true)
    let (architecture, problem) = try ModelExchange.importModel(
      from: source, to: out, saying: said.values, on: Devices.open("cpu").device)
    if let problem { warn("its tokenizer cannot be used here: \(problem)") }
    emit("\(out): \(architecture.parameterCount) parameters, vocabulary \(architecture.vocabularySize)")
  }
}

/// An option for each key that some config.json leaves out, as the architectures tell.
struct UnsaidKeyOptions: ParsableArguments, CustomReflectable {
  /// What was said, by the keys' names.
  private(set) var values: [String: String] = [:]

  private static let keys = Architectures.standard.types.flatMap { $0.unsaidKeys }

  init() {}

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: TrainingOptionKey.self)
    for key in Self.keys {
      values[key.name] = try members.decode(
        Option<String?>.self, forKey: TrainingOptionKey(key.name)
      ).wrappedValue
    }
  }

  var customMirror: Mirror {
    let children = Self.keys.map { key -> (label: String?, value: Any) in
      let help = ArgumentHelp(key.about, valueName: key.values.joined(separator: "|"))
      return (
        key.name,
        Option<String?>(name: .customLong(Self.flag(key)), help: help) { text in
          guard key.values.contains(text) else {
            throw ValidationError(
              "--\(Self.flag(key)) is '\(text)'; it must be one of \(key.values.joined(separator: ", "))")
          }
          return text
        }
      )
    }
    return Mirror(self, children: children, displayStyle: .struct)
  }

  /// `position-projection` of `position_projection`.
  private static func flag(_ key: UnsaidKey) -> String { key.name.replacingExactly("_", with: "-") }
}
