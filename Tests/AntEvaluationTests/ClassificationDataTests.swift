import AntBatch
import AntDevice
import AntTestSupport
import AntText
import Testing

@testable import AntEvaluation

/// Metrics, files and inputs of classification.
@Suite struct ClassificationDataTests {
  /// The figures are scikit-learn's (accuracy_score, f1_score, matthews_corrcoef).
  @Test func scores() {
    typealias Scores = ClassificationScores
    func expect(_ scores: Scores, _ accuracy: Double, _ f1: Double?, _ matthews: Double) {
      #expect(abs(scores.accuracy - accuracy) < 1e-12 && abs(scores.matthews - matthews) < 1e-12, "\(scores)")
      #expect((scores.f1 == nil) == (f1 == nil) && abs((scores.f1 ?? 0) - (f1 ?? 0)) < 1e-12, "\(scores)")
    }
    expect(
      Scores(predictions: [1, 1, 0, 0, 1, 0, 1, 0], right: [1, 0, 0, 1, 1, 0, 1, 1], labels: 2),
      0.625, 0.6666666666666666, 0.2581988897471611)
    expect(Scores(predictions: [0, 0, 0, 0, 0], right: [0, 1, 0, 1, 1], labels: 2), 0.4, 0, 0)
    expect(Scores(predictions: [1, 1, 1, 1, 1], right: [0, 1, 0, 1, 1], labels: 2), 0.6, 0.75, 0)
    expect(Scores(predictions: [0, 0, 0, 0], right: [0, 0, 0, 0], labels: 2), 1, 0, 0)
    expect(Scores(predictions: [1, 1, 1, 1], right: [1, 1, 1, 1], labels: 2), 1, 1, 0)
    expect(
      Scores(
        predictions: [0, 1, 2, 2, 1, 0, 2, 1, 0, 0], right: [0, 1, 2, 1, 1, 0, 0, 2, 0, 1], labels: 3),
      0.6, nil, 0.40004734568283135)
    expect(Scores(predictions: [2, 2, 2], right: [0, 1, 2], labels: 3), 1.0 / 3, nil, 0)
    expect(
      Scores(
        predictions: digits("0100100001101011100000011010111010101010"),
        right: digits("0010111100101101100100001010011010011010"), labels: 2),
      0.675, 0.6486486486486487, 0.3471722831863234)
  }

  private func digits(_ text: String) -> [Int] { text.compactMap(\.wholeNumberValue) }

  /// What Hugging Face tokenizers keep of two texts by `longest_first`.
  @Test func cutting() {
    for (room, lengths, kept) in [
      (9, (3, 4), (3, 4)), (9, (12, 2), (7, 2)), (9, (2, 12), (2, 7)), (9, (12, 12), (4, 5)),
      (9, (5, 5), (4, 5)), (9, (5, 6), (4, 5)), (9, (6, 5), (5, 4)), (9, (4, 20), (4, 5)),
      (9, (20, 4), (5, 4)), (9, (5, 20), (4, 5)), (9, (1, 9), (1, 8)), (9, (0, 30), (0, 9)),
      (9, (30, 0), (9, 0)), (9, (9, 1), (8, 1)), (10, (12, 12), (5, 5)), (10, (5, 6), (5, 5)),
      (10, (6, 5), (5, 5)), (10, (4, 20), (4, 6)), (10, (20, 4), (6, 4)), (10, (1, 9), (1, 9)),
    ] {
      let found = ClassificationInputs.lengths(lengths.0, lengths.1, room: room)
      #expect(found == kept, "\(lengths) in \(room): \(found)")
    }
  }

  private func examples(_ text: String, _ task: ClassificationTask) throws -> ClassificationExamples {
    let scratch = Scratch()
    return try ClassificationExamples(scratch.write(text, to: "t.jsonl"), task)
  }

  /// Each task's fields, in the order they are read, and the evaluation's own sentences around them.
  @Test func tasks() throws {
    for (task, line, first, second) in [
      (.boolq, #""question": "q", "passage": "p""#, "q", "p"), (.cola, #""sentence": "s""#, "s", nil),
      (.mnli, #""premise": "p", "hypothesis": "h""#, "p", "h"),
      (.mrpc, #""sentence1": "a", "sentence2": "b""#, "a", "b"),
      (
        .multirc, #""paragraph": "p", "question": "q?", "answer": "a""#, "Question: q? Answer: a", "p"
      ),
      (.qnli, #""question": "q", "sentence": "s""#, "q", "s"),
      (.qqp, #""question1": "a", "question2": "b""#, "a", "b"),
      (.rte, #""sentence1": "a", "sentence2": "b""#, "a", "b"), (.sst2, #""sentence": "s""#, "s", nil),
      (
        .wsc, #""text": "Joe said he ran.", "span1_text": "Joe", "span2_text": "he""#,
        #"Does "he" refer to "Joe" in this passage?"#, "Joe said he ran."
      ),
    ] as [(ClassificationTask, String, String, String?)] {
      let read = try examples("{\(line), \"label\": 1, \"idx\": 7}\n", task)
      #expect(read.examples == [.init(first: first, second: second, label: 1, index: "7")])
    }
    let read = try examples(
      """
      {"sentence": "a", "label": 0}

      {"label": 1, "sentence": "", "idx": {"question": 3, "answer": 1}, "more": [1, 2]}
      {"label": 1, "sentence": "\\u00e4", "idx": "seven"}
      """, .sst2)
    #expect(read.examples.map(\.index) == ["0", #"{"answer":1,"question":3}"#, #""seven""#])
    #expect(read.examples.map(\.first) == ["a", "", "ä"])
    #expect(
      read.predictionLines([0, 1, 1]).split(separator: "\n")[1]
        == #"{"idx":{"answer":1,"question":3},"pred":1}"#)
    let scratch = Scratch()
    let unlabelled = try ClassificationExamples(
      scratch.write("{\"sentence\": \"a\"}\n{\"sentence\": \"b\", \"label\": -1}", to: "t.jsonl"), .sst2,
      labelled: false)
    #expect(unlabelled.examples.map(\.label) == [nil, nil])
  }

  @Test func whatNobodyReadsHarmsNothing() throws {
    let read = try examples(
      "{\"sentence\": \"a\", \"label\": 0, \"label\": 1, \"score\": NaN, \"more\": [null, -Infinity], \"idx\": null}\n",
      .sst2)
    #expect(read.examples.map(\.label) == [1] && read.examples.map(\.index) == ["0"])
  }

  @Test func badLines() throws {
    for (line, part) in [
      ("{\"sentence\": \"a\", \"label\": 0", "no JSON: no '}' at byte 28"),
      ("[1]", "it is a list, not an object"),
      ("7", "it is 7, not an object"), ("{\"sentence\": \"a\"}", "no \"label\""),
      ("{\"label\": 0}", "no \"sentence\""),
      ("{\"sentence\": 3, \"label\": 0}", "\"sentence\" is 3, not a text; a line of cola is"),
      ("{\"sentence\": null, \"label\": 0}", "\"sentence\" is null, not a text"),
      ("{\"sentence\": NaN, \"label\": 0}", "\"sentence\" is NaN, not a text"),
      ("{\"sentence\": \"a\", \"label\": NaN}", "\"label\" is NaN, not one of the whole numbers 0 to 1"),
      ("{\"sentence\": \"a\", \"label\": 2}", "whole numbers 0 to 1"),
      ("{\"sentence\": \"a\", \"label\": -1}", "whole numbers 0 to 1"),
      ("{\"sentence\": \"a\", \"label\": 0.5}", "whole numbers 0 to 1"),
      ("{\"sentence\": \"a\", \"label\": 1e400}", "whole numbers 0 to 1"),
      ("{\"sentence\": \"a\", \"label\": true}", "whole numbers 0 to 1"),
      ("{\"sentence\": \"a\", \"label\": \"1\"}", "whole numbers 0 to 1"),
      ("{\"sentence\": \"a\", \"label\": null}", "whole numbers 0 to 1"),
      (
        "{\"sentence\": \"a\", \"label\": 1, \"idx\": [1]}",
        "\"idx\" is a list, not a number, a text or an object of numbers"
      ),
    ] {
      let error = #expect(throws: TextFileError.self) {
        try examples("{\"sentence\": \"a\", \"label\": 0}\n\n\(line)\n", .cola)
      }
      guard case .line(_, 3, let expected)? = error else {
        Issue.record("\(line): \(String(describing: error))")
        continue
      }
      #expect(expected.contains(part) && !expected.contains("\n"), "\(line): \(expected)")
    }
    #expect(throws: TextFileError.self) { try examples("\n", .cola) }
    // A third label is one of MNLI.
    #expect(try examples("{\"premise\":\"\",\"hypothesis\":\"\",\"label\":2}", .mnli).examples[0].label == 2)
  }

  /// Joined by the tokenizer's own special tokens, cut, padded, and read at the right row.
  @Test func inputs() throws {
    let tiny = try TinyRun()
    let tokenizer = try Tokenizer(contentsOf: .init(filePath: tiny.tokenizerFile))
    func example(_ first: String, _ second: String?, _ label: Int) -> ClassificationExamples.Example {
      .init(first: first, second: second, label: label, index: "0")
    }
    let (dog, cat) = (
      tokenizer.encode("The dog", recognizingSpecials: false),
      tokenizer.encode("A small cat <s>", recognizingSpecials: false)
    )
    #expect(!cat.contains(1))
    let inputs = ClassificationInputs(
      [example("The dog", "A small cat <s>", 1), example("The dog", nil, 0)], tokenizer: tokenizer, length: 32
    )
    #expect(inputs.sequences == [[1] + dog + [2] + cat + [2], [1] + dog + [2]])
    #expect(inputs.labels == [1, 0] && inputs.cut == 0)
    let (long, short) = (inputs.sequences[0].count, inputs.sequences[1].count)
    let last = inputs.batch([1, 0], mode: .causal, readsLast: true, padding: 0)
    #expect(last.length == long && last.labelRows == [Int32(short - 1), Int32(2 * long - 1)])
    #expect(last.labels == [0, 1])
    #expect(Array(last.ids[short..<long]) == [Int32](repeating: 0, count: long - short))
    #expect(last.mask == AttentionMask(.causal, lengths: [short, long], length: long))
    let first = inputs.batch([1, 0], mode: .masked, readsLast: false, padding: 0, length: long + 2)
    #expect(first.labelRows == [0, Int32(long + 2)] && first.length == long + 2)
    #expect(first.mask == AttentionMask(.bidirectional, lengths: [short, long], length: long + 2))

    let cut = ClassificationInputs(
      [example("The dog", "A small cat <s>", 1), example("The dog", nil, 0)], tokenizer: tokenizer,
      length: long - 1)
    #expect(cut.cut == 1 && cut.sequences[0].count == long - 1 && cut.sequences[0].last == 2)
    #expect(cut.sequences[1] == inputs.sequences[1])
  }
}
