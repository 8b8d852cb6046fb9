import AntEvaluation
import AntFiles
import AntText
import ArgumentParser
import Foundation

/// `antlm eval translation`
struct EvalTranslationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "translation",
    abstract: "BLEU and chrF of translations against references.",
    discussion: """
      Both files have a sentence a line, and line n of one is to be held against
      line n of the other. The scores are those that sacrebleu gives by default:
      BLEU over words as mteval-v13a cuts them, its case kept, smoothed where an
      order has no match; chrF2 over up to 6 characters.

      Example: antlm eval translation --hypotheses out.de --references val.de
      """)

  @Option(help: "The translations; a line may be blank.")
  var hypotheses: String
  @Option(help: "What they should be.")
  var references: String
  @Flag(help: "One JSON object.")
  var json = false

  func run() throws {
    let text = try ParallelText(source: hypotheses, target: references, allowingBlankSources: true)
    let score = TranslationScore(text.pairs.map(\.source), references: text.pairs.map(\.target))
    if json { emit(score.object) } else { emit(score.line) }
  }
}

extension TranslationScore {
  /// For people: `BLEU 31.42 (68.1/42.0/27.9/18.6, brevity 0.987)  chrF 58.03  1014 sentences`.
  var line: String {
    let precisions = zip(bleu.matches, bleu.totals).map { matches, total in
      String(format: "%.1f", total == 0 ? 0 : 100 * Double(matches) / Double(total))
    }
    return String(
      format: "BLEU %.2f (%@, brevity %.3f)  chrF %.2f  %d sentences", bleu.score,
      precisions.joined(separator: "/"), bleu.brevityPenalty, chrF.score, sentences)
  }

  /// For programs.
  var object: JSONObject {
    var object = JSONObject()
    object.set("bleu", bleu.score)
    object.set("chrf", chrF.score)
    object.set("brevityPenalty", bleu.brevityPenalty)
    object.set("matches", bleu.matches)
    object.set("totals", bleu.totals)
    object.set("length", bleu.length)
    object.set("referenceLength", bleu.referenceLength)
    object.set("sentences", sentences)
    return object
  }
}
