import AntDevices
import AntEvaluation
import AntInference
import ArgumentParser

/// `antlm export`
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a run's model as a folder for transformers, without what only training needs.",
    discussion: """
      A model that transformers has opens as it is; another brings its classes along:
      open it with trust_remote_code=True.

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
    try ModelExchange.requireNew(out)
    try OutputPath.requirePlace(for: out, makingFolders: true)
    let model = try TrainedModel(source, checkpoint: checkpoint, on: Devices.open("cpu").device)
    try ModelExchange.export(model, with: FineTuning.files, to: out)
    emit("\(out): \(model.model.configuration.architecture.parameterCount) parameters")
  }
}
