import AntFiles
import AntInference
import AntText
import Foundation

/// Pairs of sentences of which one is right, for asking whether a model finds it the more probable one.
///
/// A file has one JSON object a line:
///
///     {"sentence_good": …, "sentence_bad": …}                    BLiMP (Warstadt et al. 2020), its supplement
///     {"Context1": …, "Context2": …, "Target1": …, "Target2": …}    EWoK (Ivanova et al. 2024): Target1 or Target2
///                                                                   after Context1, only the target scored
///
/// What a pair tests is named by `phenomenon`, `UID` or `Domain`, else by the file.
public struct MinimalPairs: Sendable {
  /// A sentence, or two of which only the second counts.
  public struct Sentence: Sendable, Equatable {
    public var context: String?
    public var text: String
  }

  /// Two sentences, and what they test.
  public struct Pair: Sendable, Equatable {
    public var phenomenon: String
    public var good: Sentence
    public var bad: Sentence
    public var file: String
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

  /// How the BabyLM evaluation of a year compares two sentences. A tie goes to the first, the right one.
  public enum Rule: String, Sendable, CaseIterable {
    /// causal by the sum, mlm by the mean over the tokens.
    case babylm2024 = "2024"
    /// By the sum.
    case babylm2025 = "2025"

    /// What is compared.
    public func value(_ score: Score, _ scoring: Scoring) -> Double {
      self == .babylm2024 && scoring == .mlm && score.tokens > 0
        ? score.logProbability / Double(score.tokens) : score.logProbability
    }
  }

  /// In the order read.
  public private(set) var pairs: [Pair] = []
  /// What they are called: the files or folders they were read from, and what was kept of them.
  public private(set) var name: String

  private struct Line: Decodable {
    /// Sentences, and the members they are in.
    var sentences: [(name: String, sentence: Sentence)]
    var phenomenon: String?

    enum Key: String, CodingKey {
      case good = "sentence_good"
      case bad = "sentence_bad"
      case context1 = "Context1"
      case target1 = "Target1"
      case target2 = "Target2"
      case phenomenon
      case identifier = "UID"
      case domain = "Domain"
    }

    init(from decoder: any Decoder) throws {
      let members = try decoder.container(keyedBy: Key.self)
      func isText(_ key: Key) -> Bool { (try? members.decode(String.self, forKey: key)) != nil }
      func text(_ key: Key) throws -> String { try members.decode(String.self, forKey: key) }
      let (blimp, ewok): ([Key], [Key]) = ([.good, .bad], [.context1, .target1, .target2])
      // A line that is neither is taken for what it has more of, so that what it lacks can be named.
      if ewok.allSatisfy(isText) || !blimp.contains(where: isText) && ewok.contains(where: isText) {
        let context = try text(.context1)
        sentences = try [Key.target1, .target2].map {
          ($0.rawValue, Sentence(context: context, text: try text($0)))
        }
      } else {
        sentences = try blimp.map { ($0.rawValue, Sentence(text: try text($0))) }
      }
      for key in [Key.phenomenon, .identifier, .domain] where phenomenon == nil {
        phenomenon = try members.decodeIfPresent(String.self, forKey: key)
      }
    }
  }

  /// - Parameter paths: files, `-` for standard input, and folders, which stand for their `*.jsonl`.
  /// - Throws: ``TextFileError`` or ``FileError``.
  public init(_ paths: [String]) throws {
    name = paths.map { URL(filePath: $0).lastPathComponent }.joined(separator: ", ")
    let files = try paths.flatMap(Self.expand)
    var seen: Set<FileIdentity> = []
    for path in files {
      if let file = path.identity, !seen.insert(file).inserted { throw TextFileError.twice(path: "\(path)") }
    }
    for path in files {
      for line in try TextLines(path).lines { pairs.append(try Self.pair(line, in: "\(path)")) }
    }
  }

  private static func expand(_ path: String) throws -> [SystemPath] {
    guard !path.isEmpty else { throw FileError("read", "''", code: ENOENT) }
    let named = SystemPath(reading: path)
    guard named.kind == .folder else { return [named] }
    let files = try FileSystem.files(in: named, ending: ".jsonl")
    guard !files.isEmpty else { throw TextFileError.noFiles(path: path, kind: ".jsonl") }
    return files
  }

  private static func pair(_ line: TextLines.Line, in path: String) throws -> Pair {
    func refuse(_ expected: String) -> TextFileError {
      .line(path: path, line: line.number, expected: expected)
    }
    let object = try JSONReader().decode(
      Line.self, from: line.text.utf8, number: line.number, of: path,
      whole:
        "expected a JSON object with \"sentence_good\" and \"sentence_bad\", or \"Context1\", \"Target1\" and "
        + "\"Target2\"")
    for (name, sentence) in object.sentences {
      if sentence.context?.isBlank == true { throw refuse("\"Context1\" has no words; give one") }
      if sentence.text.isBlank { throw refuse("\"\(name)\" has no words; give both") }
    }
    let file = URL(filePath: path).deletingPathExtension().lastPathComponent
    return Pair(
      phenomenon: object.phenomenon ?? file, good: object.sentences[0].sentence,
      bad: object.sentences[1].sentence, file: path, line: line.number)
  }

  /// The files they were read from.
  public var files: [String] { Set(pairs.map { ExactText($0.file) }).map(\.text).sorted() }

  /// Keeps the first `limit` pairs of each phenomenon.
  public mutating func limit(_ limit: Int) {
    name += " (\(limit) of a phenomenon at most)"
    var seen: [ExactText: Int] = [:]
    pairs = pairs.filter { pair in
      seen[ExactText(pair.phenomenon), default: 0] += 1
      return seen[ExactText(pair.phenomenon)]! <= limit
    }
  }

  /// Both sentences of each pair, in order. Read as a prefix is all that both begin with, contexts included: it moves no
  /// difference of the two where it is scored, and here it is not.
  ///
  /// - Parameter maximum: positions of the model.
  /// - Throws: ``TextFileError/line(path:line:expected:)`` for a sentence that does not fit.
  package func texts(_ tokenizer: Tokenizer, _ scoring: Scoring, maximum: Int) throws -> [ScoredText] {
    func encode(_ text: String) -> [Int32] { tokenizer.encode(text, recognizingSpecials: false) }
    return try pairs.flatMap { pair in
      var texts = [pair.good, pair.bad].map { sentence in
        // No piece crosses the space between context and target, so the tokens are those of the whole.
        let given = sentence.context.map(encode) ?? []
        let target = encode((sentence.context == nil ? "" : " ") + sentence.text)
        return ScoredText(given + target, from: given.count)
      }
      if scoring == .prefix {
        let shared = zip(texts[0].tokens, texts[1].tokens).prefix { $0 == $1 }.count
        texts = texts.map { ScoredText($0.tokens, from: shared, prefix: shared + 1) }
      }
      return try texts.map { text in
        guard scoring.positions(text) <= maximum else {
          throw TextFileError.line(
            path: pair.file, line: pair.line,
            expected:
              "a sentence of \(scoring.positions(text)) tokens, specials included, where the model has \(maximum) "
              + "positions; leave it out or use a longer model")
        }
        return text
      }
    }
  }

  /// Tells these pairs from others.
  package var checksum: String {
    var hash = ContentHash()
    for pair in pairs {
      for part in [pair.phenomenon, pair.good.context ?? "", pair.good.text, pair.bad.text] {
        Array(part.utf8).withUnsafeBytes { hash.combine($0) }
      }
    }
    return hash.description
  }

  /// The scores of both sentences of each pair, in order.
  ///
  /// - Parameter positions: of one batch, padding included; no score depends on it.
  public func scores(
    of trained: TrainedModel, _ scoring: Scoring, positions: Int = Scorer.defaultPositions,
    progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> [(good: Score, bad: Score)] {
    let scores = try Scorer(trained.model, specials: trained.specials, positions: positions)(
      try texts(trained.tokenizer, scoring, maximum: trained.model.maximumLength), scoring, progress: progress
    )
    return pairs.indices.map { (scores[2 * $0], scores[2 * $0 + 1]) }
  }

  /// How often the right sentence has the higher value. Phenomena in the order of their first pair.
  public func accuracies(
    _ scores: [(good: Score, bad: Score)], _ scoring: Scoring, rule: Rule
  ) -> [Accuracy] {
    var places: [ExactText: Int] = [:]
    var results: [Accuracy] = []
    for (pair, score) in zip(pairs, scores) {
      let place = places[ExactText(pair.phenomenon), default: results.count]
      if place == results.count {
        places[ExactText(pair.phenomenon)] = place
        results.append(Accuracy(phenomenon: pair.phenomenon, right: 0, count: 0))
      }
      results[place].count += 1
      if rule.value(score.good, scoring) >= rule.value(score.bad, scoring) { results[place].right += 1 }
    }
    return results
  }

  /// The lines for a run's evaluations.jsonl: one for each phenomenon, and one for their mean.
  ///
  /// - Parameters:
  ///   - step: of the checkpoint that was evaluated.
  ///   - duration: what scoring took.
  public func records(
    _ accuracies: [Accuracy], _ scoring: Scoring, rule: Rule, step: Int, duration: Duration
  ) -> [EvaluationLog.Record] {
    func record(_ phenomenon: String, _ accuracy: Double, _ count: Int, seconds: Double? = nil)
      -> EvaluationLog.Record
    {
      EvaluationLog.Record(
        set: name, checksum: checksum, scoring: scoring.rawValue, rule: rule.rawValue,
        phenomenon: phenomenon, accuracy: accuracy, pairs: count, step: step, seconds: seconds)
    }
    return accuracies.map { record($0.phenomenon, $0.value, $0.count) } + [
      record(EvaluationLog.Record.mean, accuracies.mean, pairs.count, seconds: duration.seconds)
    ]
  }
}

extension [MinimalPairs.Accuracy] {
  /// Over phenomena, each counting the same.
  public var mean: Double { reduce(0) { $0 + $1.value } / Double(count) }
}
