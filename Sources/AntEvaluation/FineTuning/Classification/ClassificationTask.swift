/// A task of GLUE (Wang et al. 2018) or SuperGLUE (Wang et al. 2019) as the BabyLM evaluations ask it: which
/// fields of a line make the text or the pair of texts, and what the result is judged by.
public enum ClassificationTask: String, Sendable, CaseIterable {
  case boolq, cola, mnli, mrpc, multirc, qnli, qqp, rte, sst2, wsc

  /// A text made of fields: what stands before, between and after them, where it is not one field as it is.
  struct Text: Sendable, Equatable {
    var fields: [String]
    /// One more than fields.
    var frame: [String]

    init(_ field: String) {
      fields = [field]
      frame = ["", ""]
    }

    init(_ fields: [String], frame: [String]) {
      self.fields = fields
      self.frame = frame
    }

    func callAsFunction(_ values: [String]) -> String {
      zip(frame, values + [""]).map { $0 + $1 }.joined()
    }
  }

  /// The text, and of a pair the second one.
  var texts: (first: Text, second: Text?) {
    switch self {
    case .boolq: (Text("question"), Text("passage"))
    case .cola, .sst2: (Text("sentence"), nil)
    case .mnli: (Text("premise"), Text("hypothesis"))
    case .mrpc, .rte: (Text("sentence1"), Text("sentence2"))
    case .multirc:
      (Text(["question", "answer"], frame: ["Question: ", " Answer: ", ""]), Text("paragraph"))
    case .qnli: (Text("question"), Text("sentence"))
    case .qqp: (Text("question1"), Text("question2"))
    case .wsc:
      (
        Text(["span2_text", "span1_text"], frame: ["Does \"", "\" refer to \"", "\" in this passage?"]),
        Text("text")
      )
    }
  }

  /// The fields a line must have, beside `label`.
  var fields: [String] { texts.first.fields + (texts.second?.fields ?? []) }

  /// Labels are 0 ..< this.
  public var labels: Int { self == .mnli ? 3 : 2 }

  /// What goes into the average over tasks: F1 for MRPC and QQP, Matthews' correlation for CoLA, else accuracy.
  public var headline: ClassificationScores.Metric {
    switch self {
    case .mrpc, .qqp: .f1
    case .cola: .matthews
    default: .accuracy
    }
  }
}
