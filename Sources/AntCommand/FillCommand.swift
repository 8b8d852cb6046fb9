import AntFiles
import AntInference
import ArgumentParser
import Foundation

/// `antlm fill`
struct FillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fill",
    abstract: "Fills in the [MASK]s of a text.",
    discussion: "Example: antlm fill run \"The dog [MASK] the ball .\" --top 5")

  @OptionGroup var source: ModelArguments

  @Argument(help: "A text with one or more [MASK]s.")
  var text: String
  @Option(help: "Candidates to show for each [MASK].")
  var top = 5
  @Flag(help: "One JSON object a [MASK].")
  var json = false

  func validate() throws {
    guard (1...100_000).contains(top) else {
      throw ValidationError("--top is \(top); it must be 1 to 100000")
    }
  }

  func run() throws {
    let (trained, device) = try source.open()
    let ids = try trained.tokenizer.encodeBlanks(text)
    guard ids.contains(trained.specials.mask) else {
      throw InferenceError.nothingToFill(mask: trained.tokenizer.decode([trained.specials.mask]))
    }
    let fillIn = FillIn(trained)
    let blanks = try fillIn(ids, top: top)
    for (index, candidates) in blanks.enumerated() {
      if json {
        var object = JSONObject()
        object.set("mask", index + 1)
        object.set(
          "candidates",
          candidates.map { candidate in
            var entry = JSONObject()
            entry.set("token", trained.tokenizer.decode([candidate.id]))
            entry.set("id", Int(candidate.id))
            entry.set("probability", candidate.probability)
            return entry
          })
        emit(object)
      } else {
        let list = candidates.map { candidate in
          let word = trained.tokenizer.decode([candidate.id]).trimmingCharacters(in: .whitespaces)
          return "\(word) \(String(format: "%.3f", candidate.probability))"
        }
        emit((blanks.count > 1 ? "[MASK] \(index + 1): " : "") + list.joined(separator: "  "))
      }
    }
    if !json { emit(trained.tokenizer.decodeText(fillIn.filled(ids, with: blanks))) }
    source.compute.printProfile(of: device)
  }
}
