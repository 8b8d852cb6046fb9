/// What a trained model cannot be asked. Each description is one line: what, where, what to do.
public enum InferenceError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A text longer than the model's positions; `item` is its line, from 1, where there are several.
  case tooLong(item: Int?, tokens: Int, maximum: Int)
  /// A prompt that leaves too few positions for what is to be added; with the beginning token.
  case noRoom(place: String, prompt: Int, tokens: Int, maximum: Int)
  /// A text to fill in that has nothing to fill.
  case nothingToFill(mask: String)
  /// A run whose schedule hides no tokens, asked to fill some in.
  case notTrainedMasked(run: String, schedule: String)
  /// The model computes infinities or NaN.
  case notFinite

  public var description: String {
    switch self {
    case .tooLong(let item, let tokens, let maximum):
      "\(item.map { "line \($0)" } ?? "the text") has \(tokens) tokens, specials included, and the model "
        + "\(maximum) positions; shorten it"
    case .noRoom(let place, let prompt, let tokens, let maximum):
      "\(place): \(prompt) tokens and \(tokens) more are too many for the model's \(maximum) positions; shorten it "
        + "or generate fewer"
    case .nothingToFill(let mask): "the text has no \(mask); write \(mask) where a word is to be filled in"
    case .notTrainedMasked(let run, let schedule):
      "\(run) was trained by \(schedule), which never fills in hidden tokens; write from left to right, or train with "
        + "MLM, MNTP or MDLM"
    case .notFinite:
      "the model's logits are not finite: its weights are damaged; use an earlier checkpoint"
    }
  }
}
