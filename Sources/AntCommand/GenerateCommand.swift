import AntFiles
import AntInference
import ArgumentParser

/// `antlm generate`
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continues a text, word by word or by unmasking.",
    discussion: """
      Written causally, each token follows those before it. Written masked, all that
      is to come is hidden at first, and each step fills in the places that the model
      is most certain of; that takes a model trained with MLM, MNTP or MDLM.

      Examples:
        antlm generate run --prompt "The dog" --tokens 50 --temperature 0.8 --count 3
        antlm generate run --prompt "The dog" --decode masked --tokens 12 --steps 4
      """)

  @OptionGroup var source: ModelArguments

  @Option(help: "The text to continue.")
  var prompt = ""
  @Option(help: "Tokens to add at most; a sentence's end comes first.")
  var tokens = 50
  @OptionGroup var sampling: SamplingOptions
  @Option(help: "How it writes: causal, from left to right, or masked, most certain first.")
  var decode = Decoding.causal
  @Option(help: "With --decode masked: in how many passes. (default: one a token)")
  var steps: Int?
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
    switch decode {
    case .causal:
      if steps != nil { throw ValidationError("--steps needs --decode masked") }
    case .masked:
      if readsPromptBothWays {
        throw ValidationError("--prefix needs --decode causal: masked decoding reads everything both ways")
      }
      if let steps, !(1...tokens).contains(steps) {
        throw ValidationError("--steps must be 1 to \(tokens), the --tokens to be written")
      }
    }
  }

  func run() throws {
    let (trained, device) = try source.open()
    // A space at the end would be a token of its own, after which no word begins.
    let text = prompt.withoutTrailingSpace
    let start = trained.tokenizer.encode(text)
    let continuations =
      switch decode {
      case .causal:
        try Generator(trained, readsPromptBothWays: readsPromptBothWays)(
          prompt: start, tokens: tokens, sampler: sampling.sampler, seed: seed, count: count)
      case .masked:
        try MaskedGenerator(trained)(
          prompt: start, tokens: tokens, steps: steps, sampler: sampling.sampler, seed: seed, count: count)
      }
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

/// In which order a text is written.
enum Decoding: String, ExpressibleByArgument, CaseIterable {
  case causal, masked
}
