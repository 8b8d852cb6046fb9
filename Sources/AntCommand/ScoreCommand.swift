import AntFiles
import AntInference
import AntText
import ArgumentParser
import Foundation

extension Scoring: ExpressibleByArgument {}

/// `antlm score`
struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Scores each line of a text: how probable the model finds it.",
    discussion: """
      causal: log-likelihood, each token given those before it.
      mlm: pseudo-log-likelihood, each token masked alone and given all others.
      mntp: as mlm, but read one position earlier, as MNTP predicts.
      Log-probabilities are in nats, perplexities per token.

      Example: antlm score run --scoring mlm sentences.txt
      """)

  @OptionGroup var source: ModelArguments

  @Argument(help: "A UTF-8 text; each line that is not blank is scored by itself.")
  var file: String
  @Option(help: "causal, mlm or mntp.", transform: Self.scoring)
  var scoring: Scoring
  @Flag(help: "One JSON object a line, and one for the whole.")
  var json = false

  private static func scoring(_ text: String) throws -> Scoring {
    guard let scoring = Scoring(rawValue: text) else {
      throw ValidationError("it must be causal, mlm or mntp")
    }
    guard scoring != .prefix else {
      throw ValidationError("it compares the sentences of pairs; use it with 'antlm eval pairs'")
    }
    return scoring
  }

  func run() throws {
    let lines = try TextLines(file).lines
    let (trained, device) = try source.open()
    if scoring.needsMaskToken { try trained.tokenizer.requireMask() }
    let progress = Progress()
    let scores = try lines.numbered {
      try Scorer(trained.model, specials: trained.specials)(
        lines.map { ScoredText(trained.tokenizer.encode($0.text, recognizingSpecials: false)) }, scoring
      ) { done, total in progress.show("scored \(100 * done / total) %", done: done, of: total) }
    }
    progress.end()
    var total = Score()
    if !json { emit("log-probability  tokens  perplexity  line") }
    for (line, score) in zip(lines, scores) {
      total += score
      if json {
        var object = object(score)
        object.set("line", line.number)
        object.set("text", line.text)
        emit(object)
      } else {
        emit(row(score) + "  " + line.text)
      }
    }
    if json {
      var object = object(total)
      object.set("lines", lines.count)
      object.set("total", true)
      emit(object)
    } else {
      emit(row(total) + "  all \(lines.count) lines")
    }
    source.compute.printProfile(of: device)
  }

  private func row(_ score: Score) -> String {
    String(format: "%15.4f  %6d  %10.3f", score.logProbability, score.tokens, score.perplexity)
  }

  private func object(_ score: Score) -> JSONObject {
    var object = JSONObject()
    object.set("scoring", scoring.rawValue)
    object.set("logProbability", score.logProbability)
    object.set("tokens", score.tokens)
    object.set("perplexity", score.perplexity)
    return object
  }
}
