import ArgumentParser

/// `antlm finetune`
struct FinetuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune", abstract: "Adapts a trained model to a task.",
    subcommands: [FinetuneClassifyCommand.self, FinetuneTranslateCommand.self])
}
