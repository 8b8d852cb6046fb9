import AntFiles
import AntInference
import AntText
import ArgumentParser

/// `antlm embed`
struct EmbedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Turns each line of a text into vectors: the model's last hidden states.",
    discussion: """
      Prints one JSON object a line: the mean over its tokens, or with --tokens a
      vector for each of them.

      Example: antlm embed run --mode masked sentences.txt > vectors.jsonl
      """)

  @OptionGroup var source: ModelArguments

  @Argument(help: "A UTF-8 text; each line that is not blank is turned by itself.")
  var file: String
  @Option(help: "causal: a token sees those before it; masked: it sees all.")
  var mode: Embedder.Mode
  @Flag(help: "A vector for each token in place of their mean.")
  var tokens = false

  func run() throws {
    let lines = try TextLines(file).lines
    let (trained, device) = try source.open()
    let texts = lines.map { trained.tokenizer.encode($0.text, recognizingSpecials: false) }
    let vectors = try lines.numbered {
      try Embedder(trained.model, specials: trained.specials)(texts, mode)
    }
    for (index, line) in lines.enumerated() {
      var object = JSONObject()
      object.set("line", line.number)
      object.set("text", line.text)
      object.set("mode", mode.rawValue)
      if tokens {
        object.set("tokens", texts[index].map { trained.tokenizer.decode([$0]) })
        object.set("vectors", vectors[index])
      } else {
        object.set("vector", Embedder.mean(vectors[index]))
      }
      StandardOutput.write("\(object)\n".utf8)
    }
    source.compute.printProfile(of: device)
  }
}

extension Embedder.Mode: ExpressibleByArgument {}
