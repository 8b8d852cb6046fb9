import AntFiles
import AntInference
import AntText
import Foundation

/// Translates lines with a model that was fine-tuned to (see ``TranslationTraining``), by ``BeamSearch``.
///
/// On disk such a model is a Hugging Face folder, which every command opens, and beside it
///
///     translation.json    {"mask": "prefix"} or {"mask": "causal"}
public struct Translator {
  /// What says how a folder's model reads a source.
  public static let fileName = "translation.json"

  public struct Translation: Sendable, Equatable {
    /// One line.
    public var text: String
    /// Tokens, the end token counted.
    public var tokens: Int
    /// In nats.
    public var logProbability: Double
    /// Whether it ended before its tokens were used up.
    public var isWhole: Bool
  }

  private let tokenizer: Tokenizer
  private let search: BeamSearch

  /// - Parameters:
  ///   - width: hypotheses kept side by side; 1 always takes the likeliest token.
  ///   - lengthPenalty: see ``BeamSearch``.
  public init(_ trained: TrainedModel, mask: TranslationMask, width: Int = 4, lengthPenalty: Double = 0.6) {
    tokenizer = trained.tokenizer
    search = BeamSearch(
      trained.model, specials: trained.specials, vocabularySize: tokenizer.vocabularySize, width: width,
      lengthPenalty: lengthPenalty, readsPromptBothWays: mask == .prefix)
  }

  /// Tokens of a translation at most, for a source of so many, its end counted: far more than translations need,
  /// so that one that loops ends.
  private static func limit(_ source: Int) -> Int { 2 * source + 20 }

  /// The likeliest translation found of each line; of a blank one a blank one.
  ///
  /// - Parameter progress: told how many lines of how many are done; what it throws ends the work.
  /// - Throws: ``InferenceError/tooLong(item:tokens:maximum:)``, the item counted from 1, and
  ///   ``InferenceError/notFinite``.
  public func callAsFunction(_ lines: [String], progress: (Int, Int) throws -> Void = { _, _ in }) throws
    -> [Translation]
  {
    let numbers = lines.indices.filter { !lines[$0].isBlank }
    var result = [Translation](
      repeating: Translation(text: "", tokens: 0, logProbability: 0, isWhole: true), count: lines.count)
    let found: [[BeamSearch.Hypothesis]]
    do {
      found = try search(
        numbers.map { TranslationInputs.prompt(lines[$0], tokenizer) }, tokens: Self.limit, progress: progress
      )
    } catch InferenceError.tooLong(let item?, let tokens, let maximum) {
      throw InferenceError.tooLong(item: numbers[item - 1] + 1, tokens: tokens, maximum: maximum)
    }
    for (number, hypotheses) in zip(numbers, found) {
      guard let best = hypotheses.first else { continue }
      result[number] = Translation(
        text: tokenizer.decodeText(best.ids).onOneLine.trimmed,
        tokens: best.ids.count + (best.hasEnded ? 1 : 0), logProbability: best.logProbability,
        isWhole: best.hasEnded)
    }
    return result
  }

  /// How the model in a folder reads a source.
  ///
  /// - Throws: ``TranslationError`` where the folder does not say, `FileError` or `FileKindError`.
  public static func mask(of trained: TrainedModel) throws -> TranslationMask {
    let file = trained.folder.appending(path: fileName)
    guard FileSystem.exists(file) else { throw TranslationError.noMask(folder: trained.folder.path) }
    struct Description: Decodable { var mask: String }
    let name: String
    do {
      name = try JSONReader().decode(Description.self, from: FileSystem.read(own: file)).mask
    } catch let error as DecodingError {
      throw TranslationError.damaged(path: file.path, problem: error.problem)
    }
    guard let mask = TranslationMask(rawValue: name) else {
      throw TranslationError.damaged(path: file.path, problem: "\"mask\" is '\(name)'")
    }
    return mask
  }
}

extension TranslationTraining {
  /// Writes the model to the folder `target`, new or empty; it is whole or absent.
  ///
  /// - Throws: ``RunError/folderNotEmpty(path:)``, `FileError`, or the device's failure.
  public func write(to target: String) throws {
    var description = JSONObject()
    description.set("mask", mask.rawValue)
    try ModelExchange.export(trained.model, tokenizerOf: trained.folder, to: target) { folder in
      try FileSystem.write(
        Data("\(description)\n".utf8), to: folder.appending(path: Translator.fileName))
    }
  }
}
