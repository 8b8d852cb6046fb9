import AntFiles
import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntEvaluation
@testable import AntInference

@Suite struct MinimalPairsTests {
  private let scratch = Scratch()

  @Test func pairsAreReadAndLimited() throws {
    let path = try scratch.write(
      """
      {"phenomenon": "a", "sentence_good": "x", "sentence_bad": "y"}
      {"UID": "b", "sentence_good": "x", "sentence_bad": "y", "lexically_identical": true}
      {"phenomenon": "a", "sentence_good": "z", "sentence_bad": "y"}
      """, to: "pairs.jsonl")
    var pairs = try MinimalPairs([path])
    #expect(pairs.pairs.map(\.phenomenon) == ["a", "b", "a"])
    pairs.limit(1)
    #expect(pairs.pairs.map(\.good.text) == ["x", "x"])
  }

  /// BLiMP's supplement names nothing, EWoK gives contexts; a folder is its *.jsonl.
  @Test func otherFormatsAndFolders() throws {
    try FileManager.default.createDirectory(
      at: scratch.url.appending(path: "set"), withIntermediateDirectories: true)
    _ = try scratch.write("{\"sentence_good\": \"x\", \"sentence_bad\": \"y\"}\n", to: "set/hypernym.jsonl")
    _ = try scratch.write(
      """
      {"Domain": "social", "Context1": "c", "Context2": "d", "Target1": "s", "Target2": "t", "ConceptA": "help"}
      {"Domain": "social", "Context1": "d", "Context2": "c", "Target1": "t", "Target2": "s", "ConceptA": "help"}
      """, to: "set/social.jsonl")
    _ = try scratch.write("no pairs", to: "set/notes.txt")
    let pairs = try MinimalPairs([scratch.path("set")]).pairs
    #expect(pairs.map(\.phenomenon) == ["hypernym", "social", "social"])
    #expect(pairs.map(\.good.context) == [nil, "c", "d"] && pairs.map(\.bad.text) == ["y", "t", "s"])
    #expect(pairs.map(\.line) == [1, 1, 2])
    for (text, complaint) in [
      ("{\"sentence_good\": \"x\"}", ": no \"sentence_bad\"; expected a JSON object"),
      (
        "{\"sentence_bad\": \"x\", \"sentence_good\": NaN}",
        ": \"sentence_good\" is NaN, not a text; expected"
      ),
      ("{\"sentence_good\": null, \"sentence_bad\": 2}", ": \"sentence_good\" is null, not a text; expected"),
      (
        "{\"sentence_good\": \"x\", \"sentence_bad\": \"y\", \"UID\": NaN}",
        ": \"UID\" is NaN, not a text; expected"
      ),
      ("{\"Context1\": \"x\", \"Target1\": \"y\"}", ": no \"Target2\"; expected"),
      ("[1]", "JSON object"), ("{\"sentence_good\": \" \", \"sentence_bad\": \"y\"}", "no words"),
      ("{\"Context1\": \" \", \"Target1\": \"y\", \"Target2\": \"z\"}", "no words"),
      ("nonsense", "JSON object"),
    ] {
      let bad = try scratch.write(
        "{\"sentence_good\": \"x\", \"sentence_bad\": \"y\"}\n\(text)\n", to: "bad.jsonl")
      do {
        _ = try MinimalPairs([bad])
        Issue.record("\(text)")
      } catch {
        #expect("\(error)".contains("bad.jsonl, line 2") && "\(error)".contains(complaint), "\(error)")
      }
    }
    #expect(throws: FileError.self) {
      try MinimalPairs([scratch.url.appending(path: "set").path, "/no/such"])
    }
  }

  /// Python writes NaN; phenomena and files that are only canonically equivalent are several.
  @Test func whatNobodyReadsHarmsNothing() throws {
    let line =
      "\"sentence_good\": \"x\", \"sentence_bad\": \"y\", \"score\": NaN, \"Context1\": NaN, \"UID\": null"
    let text = ["\u{E9}", "e\u{301}", "\u{E9}"].map { "{\(line), \"phenomenon\": \"\($0)\"}\n" }.joined()
    var pairs = try MinimalPairs([
      scratch.write(text, to: "\u{E9}.jsonl"), scratch.write(text, to: "e\u{301}.jsonl"),
    ])
    #expect(pairs.files.count == 2)
    let scores = pairs.pairs.map { _ in (good: Score(tokens: 1, logProbability: 1), bad: Score()) }
    #expect(pairs.accuracies(scores, .causal, rule: .babylm2025).map(\.count) == [4, 2])
    pairs.limit(1)
    #expect(pairs.pairs.count == 2)
  }

  /// The rule of 2024 compares means where masks are scored; a tie goes to the right sentence.
  @Test func rulesCompare() throws {
    let path = try scratch.write("{\"sentence_good\": \"x y\", \"sentence_bad\": \"y\"}\n", to: "pairs.jsonl")
    let pairs = try MinimalPairs([path])
    let longer = Score(tokens: 4, logProbability: -6)
    let shorter = Score(tokens: 2, logProbability: -4)
    func right(_ good: Score, _ bad: Score, _ scoring: Scoring, _ rule: MinimalPairs.Rule) -> Int {
      pairs.accuracies([(good, bad)], scoring, rule: rule)[0].right
    }
    #expect(right(longer, shorter, .mlm, .babylm2024) == 1 && right(longer, shorter, .mlm, .babylm2025) == 0)
    #expect(right(longer, shorter, .causal, .babylm2024) == 0)
    #expect(right(shorter, shorter, .causal, .babylm2025) == 1)
  }

  /// Scores are those of the sentence as it stands; of EWoK's, those of the target in the text of both.
  /// A prefix is what both sentences begin with, the context included; what it is given is not scored.
  @Test func prefixesAreShared() throws {
    let path = try scratch.write(
      """
      {"sentence_good": "the dogs see", "sentence_bad": "the dogs sees"}
      {"Context1": "the dog", "Target1": "sees it", "Target2": "sees us"}
      {"sentence_good": "a", "sentence_bad": "b"}
      """, to: "prefix.jsonl")
    let pairs = try MinimalPairs([path])
    let tokenizer = try Tokenizer.train(
      on: [URL(filePath: scratch.write("the dogs see the dog sees it us\n", to: "words"))],
      TokenizerOptions(vocabularySize: 300))
    let causal = try pairs.texts(tokenizer, .causal, maximum: 100)
    let prefix = try pairs.texts(tokenizer, .prefix, maximum: 100)
    for pair in 0..<3 {
      let (a, b) = (prefix[2 * pair], prefix[2 * pair + 1])
      #expect(a.tokens == causal[2 * pair].tokens && b.tokens == causal[2 * pair + 1].tokens)
      #expect(a.start == b.start && a.prefix == a.start + 1 && b.prefix == a.prefix)
      #expect(a.tokens.prefix(a.start) == b.tokens.prefix(b.start) && a.tokens != b.tokens)
      #expect(a.tokens.dropFirst(a.start).first != b.tokens.dropFirst(b.start).first)
    }
    #expect(prefix[0].start > 0 && prefix[2].start > causal[2].start && prefix[4].start == 0)
  }

  @Test(arguments: [Scoring.causal, .mlm, .mntp])
  func scoresAreThoseOfTheText(scoring: Scoring) throws {
    let trained = try tinyModel()
    let path = try scratch.write(
      """
      {"sentence_good": "The dog sees the ball.", "sentence_bad": "The dog see the ball."}
      {"Context1": "Anna likes tea.", "Context2": "Anna hugs her.", "Target1": "She likes some tea.", "Target2": "A bird."}
      """, to: "pairs.jsonl")
    let scores = try MinimalPairs([path]).scores(of: trained, scoring)
    let encode = { (text: String) in trained.tokenizer.encode(text, recognizingSpecials: false) }
    let context = encode("Anna likes tea.")
    let texts = [
      ScoredText(encode("The dog sees the ball.")), ScoredText(encode("The dog see the ball.")),
      ScoredText(encode("Anna likes tea. She likes some tea."), from: context.count),
      ScoredText(encode("Anna likes tea. A bird."), from: context.count),
    ]
    #expect(texts[2].tokens.starts(with: context) && texts[3].tokens.starts(with: context))
    let expected = try Scorer(trained.model, specials: trained.specials)(texts, scoring)
    #expect(scores.flatMap { [$0.good, $0.bad] } == expected)
    #expect(Set(expected.map(\.logProbability)).count == 4)
  }

  /// However many sentences share a batch, and whatever they are.
  @Test(arguments: Scoring.allCases)
  func batchesChangeNothing(scoring: Scoring) throws {
    let trained = try tinyModel()
    let subjects = ["The dog", "A small cat", "Anna", "My old neighbor", "This girl"]
    let lines = subjects.map {
      "{\"sentence_good\": \"\($0) sees the red box.\", \"sentence_bad\": \"\($0) see some tea and a bird.\"}"
    }
    let pairs = try MinimalPairs([scratch.write(lines.joined(separator: "\n"), to: "many.jsonl")])
    let together = try pairs.scores(of: trained, scoring).flatMap { [$0.good, $0.bad] }
    for positions in [1, 40, 111] {
      let apart = try pairs.scores(of: trained, scoring, positions: positions).flatMap { [$0.good, $0.bad] }
      for (a, b) in zip(together, apart) {
        #expect(abs(a.logProbability - b.logProbability) < 1e-6 * abs(a.logProbability))
      }
    }
  }

  /// A model whose scores differ from text to text.
  private func tinyModel() throws -> TrainedModel {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("1s_CLM")
    configuration.checkpointEvery = 0
    _ = try tiny.start("run", configuration).train()
    return try TrainedModel(tiny.scratch.path("run"), on: tiny.device())
  }
}
