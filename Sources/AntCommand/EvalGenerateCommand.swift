import AntEvaluation
import AntFiles
import AntText
import ArgumentParser
import Foundation

/// `antlm eval generate`
struct EvalGenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract:
      "Judges what a model generates: its perplexity of it, how varied it is, how often it repeats itself.",
    discussion: """
      perplexity  of the continuations, the model's own, given the prompt; low where
                  it knows well or repeats itself
      distinct-n  different n-grams / all n-grams
      rep-4       share of 4-grams that a text has said before, mean over the texts
      self-BLEU   BLEU of each continuation against the others of its prompt: high
                  where they are all alike
      length      words

      Words are those that BLEU compares. The last line is of all texts together,
      self-BLEU and rep-4 being means over the texts.

      Example: antlm eval generate run --prompts prompts.txt --count 8 --tokens 40
      """)

  @OptionGroup var source: ModelArguments

  @Option(
    help: ArgumentHelp("A text with a prompt a line. (default: ten of this program's own)", valueName: "file")
  )
  var prompts: String?
  @Option(help: "Tokens to add at most. (default: 50, or as many as the model has positions for)")
  var tokens: Int?
  @OptionGroup var sampling: SamplingOptions
  @Option(help: "Continuations of a prompt.")
  var count = 4
  @Option(help: "Decides every draw; each further prompt draws by the next number.")
  var seed: UInt64 = 1
  @Flag(
    name: .customLong("prefix"), help: "Let the prompt see itself both ways, as PrefixLM trains it.")
  var readsPromptBothWays = false
  @Flag(help: "One JSON object a prompt, texts included, and one for all.")
  var json = false

  func validate() throws {
    if let tokens, !(1...1_000_000).contains(tokens) {
      throw ValidationError("--tokens must be 1 to 1000000")
    }
    guard (1...10_000).contains(count) else { throw ValidationError("--count must be 1 to 10000") }
  }

  func run() throws {
    let prompts =
      try self.prompts.map { path in
        try TextLines(path).lines.map {
          GenerationEvaluation.Prompt($0.text, place: "\(path), line \($0.number)")
        }
      } ?? GenerationEvaluation.defaultPrompts
    let (trained, device) = try source.open()
    let longest = prompts.map { trained.tokenizer.encode($0.text.withoutTrailingSpace).count }.max() ?? 0
    let evaluation = GenerationEvaluation(
      trained, tokens: tokens ?? min(50, max(1, trained.model.maximumLength - longest)), count: count,
      sampler: sampling.sampler, seed: seed, readsPromptBothWays: readsPromptBothWays)
    let progress = Progress()
    defer { progress.end() }
    let results = try evaluation(prompts) { done, total in
      progress.show("generated for \(done) of \(total) prompts", done: done, of: total)
    }
    progress.end()
    var rows = [
      ["prompt", "texts", "length", "perplexity"] + (1...4).map { "distinct-\($0)" } + ["rep-4", "self-BLEU"]
    ]
    for (prompt, result) in zip(prompts, results.prompts) {
      if json {
        var object = object(result)
        object.set("prompt", prompt.text)
        object.set("continuations", result.texts)
        emit(object)
      } else {
        rows.append(row(shortened(prompt.text), result))
      }
    }
    if json {
      var object = object(results.all)
      object.set("prompts", prompts.count)
      object.set("all", true)
      emit(object)
    } else {
      emit(table(rows + [row("all", results.all)]))
    }
    source.compute.printProfile(of: device)
  }

  private func shortened(_ text: String) -> String {
    text.count > 30 ? text.prefix(29) + "…" : text
  }

  private func row(_ name: String, _ result: GenerationEvaluation.Result) -> [String] {
    func number(_ value: Double?, _ format: String) -> String {
      value.map { String(format: format, $0) } ?? "-"
    }
    let diversity = result.diversity
    return [
      name, "\(diversity.texts)", number(diversity.length, "%.1f"), number(result.score.perplexity, "%.3f"),
    ] + diversity.distinct.map { number($0, "%.3f") }
      + [number(diversity.repetition, "%.3f"), number(diversity.selfBLEU, "%.2f")]
  }

  private func object(_ result: GenerationEvaluation.Result) -> JSONObject {
    var object = JSONObject()
    let diversity = result.diversity
    object.set("texts", diversity.texts)
    object.set("length", diversity.length)
    object.set("tokens", result.score.tokens)
    object.set("perplexity", result.score.perplexity)
    for (index, value) in diversity.distinct.enumerated() { object.set("distinct\(index + 1)", value) }
    object.set("rep4", diversity.repetition)
    object.set("selfBleu", diversity.selfBLEU)
    return object
  }
}
