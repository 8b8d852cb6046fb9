import AntEvaluation
import AntFiles
import AntInference
import AntText
import ArgumentParser
import Foundation

/// `antlm translate`
struct TranslateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "translate",
    abstract: "Translates a text line by line.",
    discussion: """
      RUN is what 'antlm finetune translate' wrote. Each line gives a line, a blank
      one a blank one.

      Example: antlm translate en-de text.en --beam 4 --output text.de
      """)

  @OptionGroup var source: ModelArguments

  @Argument(help: "A UTF-8 text, a sentence a line.")
  var file: String
  @Option(
    help: ArgumentHelp(
      "What a source sees of itself. (default: as the model was fine-tuned)", valueName: "prefix|causal"))
  var mask: TranslationMask?
  @OptionGroup var beam: BeamOptions
  @Option(help: ArgumentHelp("Write the translations here and not to standard output.", valueName: "file"))
  var output: String?
  @Flag(help: "One JSON object a line.")
  var json = false

  func validate() throws {
    if let output {
      guard !json else { throw ValidationError("give --json or --output, not both") }
      try OutputPath.require(output, "--output", apartFrom: [file])
      try OutputPath.require(output, "--output", leavesModelIn: source.run)
    }
  }

  func run() throws {
    if let output { try OutputPath.requirePlace(for: output) }
    let lines = try TextLines.every(file)
    guard !lines.isEmpty else { throw TextFileError.empty(path: file) }
    let (trained, device) = try source.open()
    let translator = Translator(
      trained, mask: try mask ?? Translator.mask(of: trained), width: beam.width,
      lengthPenalty: beam.lengthPenalty)
    let progress = Progress()
    defer { progress.end() }
    let translations: [Translator.Translation]
    do {
      translations = try translator(lines) {
        progress.show("translated \($0) of \($1) lines", done: $0, of: $1)
      }
    } catch InferenceError.tooLong(let item?, let tokens, let maximum) {
      throw TextFileError.line(
        path: file, line: item,
        expected: "\(tokens) tokens, specials included, and the model has \(maximum) positions; shorten it")
    }
    progress.end()
    let cut = translations.filter { !$0.isWhole }.count
    if cut > 0 { warn("\(cut) of \(lines.count) translations did not end by themselves and were cut") }
    if let output {
      try BeamOptions.write(translations, to: output)
    } else {
      for (line, translation) in zip(lines, translations) {
        guard json else {
          emit(translation.text)
          continue
        }
        var object = JSONObject()
        object.set("source", line)
        object.set("translation", translation.text)
        object.set("tokens", translation.tokens)
        object.set("logProbability", translation.logProbability)
        emit(object)
      }
    }
    source.compute.printProfile(of: device)
  }
}
