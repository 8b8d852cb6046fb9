import AntInference
import ArgumentParser

/// How the next token is drawn.
struct SamplingOptions: ParsableArguments {
  @Option(help: "0 always takes the likeliest token.")
  var temperature = 0.8
  @Option(help: "Draw from the fewest tokens that hold this much probability.")
  var topP = 0.95
  @Option(help: "Draw from this many tokens at most.")
  var topK: Int?
  @Option(help: "Make tokens that were said already less likely by this; 1 for not at all.")
  var repetitionPenalty: Float = 1

  func validate() throws {
    for (name, holds, expected) in [
      ("--temperature", temperature >= 0 && temperature <= 1000, "0 to 1000"),
      ("--top-p", topP > 0 && topP <= 1, "above 0, at most 1"),
      ("--top-k", (topK ?? 1) >= 1, "1 or more"),
      ("--repetition-penalty", repetitionPenalty >= 0.1 && repetitionPenalty <= 10, "0.1 to 10"),
    ] where !holds {
      throw ValidationError("\(name) must be \(expected)")
    }
  }

  var sampler: Sampler {
    Sampler(temperature: temperature, topP: topP, topK: topK, repetitionPenalty: repetitionPenalty)
  }
}
