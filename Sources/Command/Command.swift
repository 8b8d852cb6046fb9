import ArgumentParser

@main
struct Antlm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "antlm",
    abstract: "Trains one Transformer in turn as a causal and as a masked language model.")
}
