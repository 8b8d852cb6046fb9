import AntFiles
import AntInference
import ArgumentParser

/// `antlm generate`
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continues a text, word by word.",
    discussion: "Example: antlm generate run --prompt \"The dog\" --tokens 50 --temperature 0.8 --count 3")

  @OptionGroup var source: ModelArguments

  @Option(help: "The text to continue.")
  var prompt = ""
  @Option(help: "Tokens to add at most; a sentence's end comes first.")
  var tokens = 50
  @OptionGroup var sampling: SamplingOptions
  @Flag(
    name: .customLong("prefix"),
    help: "Let the prompt see itself both ways, as PrefixLM trains it.")
  var readsPromptBothWays = false
  @Option(help: "Decides every draw.")
  var seed: UInt64 = 1
  @Option(help: "How many continuations.")
  var count = 1
  @Flag(help: "One JSON object a continuation.")
  var json = false

  func validate() throws {
    for (name, holds, expected) in [
      ("--tokens", (1...1_000_000).contains(tokens), "1 to 1000000"),
      ("--count", (1...10_000).contains(count), "1 to 10000"),
    ] where !holds {
      throw ValidationError("\(name) must be \(expected)")
    }
  }

  func run() throws {
    let (trained, device) = try source.open()
    // A space at the end would be a token of its own, after which no word begins.
    let text = prompt.withoutTrailingSpace
    let generator = Generator(trained, readsPromptBothWays: readsPromptBothWays)
    let start = trained.tokenizer.encode(text)
    let continuations = try generator(
      prompt: start, tokens: tokens, sampler: sampling.sampler, seed: seed, count: count)
    for (index, ids) in continuations.enumerated() {
      let whole = trained.tokenizer.decodeText(start + ids, skippingSpecials: true)
      if json {
        var object = JSONObject()
        object.set("sample", index + 1)
        object.set("prompt", text)
        object.set("text", whole)
        object.set("tokens", ids.count)
        emit(object)
      } else {
        emit(whole)
      }
    }
    source.compute.printProfile(of: device)
  }
}
