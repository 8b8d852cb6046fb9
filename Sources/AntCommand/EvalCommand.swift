import ArgumentParser

/// `antlm eval`
struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Evaluates a trained model.",
    subcommands: [
      EvalPairsCommand.self, EvalPerplexityCommand.self, EvalTranslationCommand.self,
      EvalGenerateCommand.self,
    ])
}
