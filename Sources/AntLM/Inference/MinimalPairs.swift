import Foundation
import Models
import Text

/// Pairs of sentences of which one is right, for asking whether a model finds it the more probable one.
///
/// A file has one JSON object a line with `sentence_good`, `sentence_bad` and a name for what the pair tests:
/// `phenomenon`, or `UID` as in BLiMP (Warstadt et al. 2020).
public struct MinimalPairs: Sendable {
  /// Two sentences, and what they test.
  public struct Pair: Sendable, Equatable {
    public var phenomenon: String
    public var good: String
    public var bad: String
    /// Its line in the file, from 1.
    public var line: Int
  }

  /// Right answers of one phenomenon.
  public struct Accuracy: Sendable, Equatable {
    public var phenomenon: String
    public var right: Int
    public var count: Int
    public var value: Double { Double(right) / Double(count) }
  }

  public var pairs: [Pair]

  private struct Line: Decodable {
    var good: String
    var bad: String
    var phenomenon: String?
    var identifier: String?

    enum CodingKeys: String, CodingKey {
      case good = "sentence_good"
      case bad = "sentence_bad"
      case phenomenon
      case identifier = "UID"
    }
  }

  /// - Throws: ``TextFileError`` or ``FileError``.
  public init(_ path: String) throws {
    pairs = try TextLines(path).lines.map { line in
      guard let object = try? JSONDecoder().decode(Line.self, from: Data(line.text.utf8)) else {
        throw TextFileError.line(
          path: path, line: line.number,
          expected: "expected a JSON object with \"sentence_good\" and \"sentence_bad\"")
      }
      for (name, text) in [("sentence_good", object.good), ("sentence_bad", object.bad)]
      where text.allSatisfy(\.isWhitespace) {
        throw TextFileError.line(
          path: path, line: line.number, expected: "\"\(name)\" has no words; give both")
      }
      return Pair(
        phenomenon: object.phenomenon ?? object.identifier ?? "all", good: object.good,
        bad: object.bad, line: line.number)
    }
  }

  /// Keeps the first `limit` pairs of each phenomenon.
  public mutating func limit(_ limit: Int) {
    var seen: [String: Int] = [:]
    pairs = pairs.filter { pair in
      seen[pair.phenomenon, default: 0] += 1
      return seen[pair.phenomenon]! <= limit
    }
  }

  /// How often the right sentence has the higher score; a tie counts as right, as in the BabyLM evaluation.
  /// Phenomena in the order of their first pair.
  public func accuracy(
    of trained: TrainedModel, _ mode: Scorer.Mode, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> [Accuracy] {
    let texts = pairs.flatMap { [$0.good, $0.bad] }
      .map { trained.tokenizer.encode($0, recognizingSpecials: false) }
    let scores: [Score]
    do {
      scores = try Scorer(trained.model, specials: trained.specials)(texts, mode, progress: progress)
    } catch InferenceError.tooLong(let item?, let tokens, let maximum) {
      throw InferenceError.tooLong(item: pairs[(item - 1) / 2].line, tokens: tokens, maximum: maximum)
    }
    var order: [String] = []
    var results: [String: Accuracy] = [:]
    for (index, pair) in pairs.enumerated() {
      if results[pair.phenomenon] == nil {
        order.append(pair.phenomenon)
        results[pair.phenomenon] = Accuracy(phenomenon: pair.phenomenon, right: 0, count: 0)
      }
      results[pair.phenomenon]!.count += 1
      if scores[2 * index].logProbability >= scores[2 * index + 1].logProbability {
        results[pair.phenomenon]!.right += 1
      }
    }
    return order.map { results[$0]! }
  }
}
