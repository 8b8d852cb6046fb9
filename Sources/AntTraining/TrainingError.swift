/// Why a training run cannot start or go on. Each description is one line: what, where, what to do.
public enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// An option with a value it cannot have.
  case option(String, found: String, expected: String)
  /// The schedule is longer than steps can be counted.
  case tooManySteps(limit: Int)
  /// `--length` is more than the model has positions.
  case tooLong(length: Int, maximum: Int)
  /// Text that does not fill one sequence.
  case tooLittleText(files: [String], tokens: Int, needed: Int)
  /// The tokenizer has tokens that the model has not.
  case vocabularyMismatch(tokenizer: String, tokens: Int, model: String, vocabulary: Int)
  /// The tokenizer of a run is not what it was when the run began.
  case tokenizerChanged(file: String)
  /// The tokenizer of a run is missing or damaged.
  case tokenizerGone(problem: String)
  /// The text of a run is not what it was when the run began.
  case textChanged(files: [String])
  /// The text of a run is what it was, and is read otherwise since.
  case textReadOtherwise(files: [String])
  /// The text of a run is not where it was, or came from a pipe.
  case textGone(file: String)
  /// The run cannot fit into memory.
  case outOfMemory(needed: Int, available: Int, place: String, advice: String)
  /// Loss or gradient norm became infinite or not a number; nothing was updated.
  case notFinite(step: Int, phase: String, loss: Float, norm: Float, checkpoint: String?)
  /// A checkpoint could not be written.
  case checkpointFailed(step: Int, reason: String, last: String?)

  public var description: String { message.onOneLine }

  private var message: String {
    switch self {
    case .option(let name, let found, let expected): "\(name) is \(found); it must be \(expected)"
    case .tooManySteps(let limit):
      "the schedule makes more than \(limit) steps; train fewer epochs, or stop after fewer steps"
    case .tooLong(let length, let maximum):
      "sequences of \(length) tokens are longer than the model's \(maximum) positions; shorten them, or take a model "
        + "whose config.json has a larger max_position_embeddings"
    case .tooLittleText(let files, let tokens, let needed):
      "\(files.joined(separator: ", ")): \(tokens) tokens do not fill one sequence of \(needed); "
        + (needed > 2 ? "give more text or shorter sequences" : "give more text")
    case .vocabularyMismatch(let tokenizer, let tokens, let model, let vocabulary):
      "\(tokenizer) has \(tokens) tokens but \(model) only \(vocabulary); use the tokenizer of the model, or a "
        + "preset, which takes the tokenizer's size"
    case .tokenizerChanged(let file):
      "\(file): not the tokenizer this run was started with; copy tokenizer.json back from the run's "
        + "folder or one of its checkpoints"
    case .tokenizerGone(let problem):
      "\(problem); copy tokenizer.json back from one of the run's checkpoints, or from where the run had it"
    case .textChanged(let files):
      "\(files.joined(separator: ", ")): not the text this run was started on; restore it, or say where "
        + "the same text lies now"
    case .textReadOtherwise(let files):
      "\(files.joined(separator: ", ")): this run was started by an older version of antlm, which read the byte order "
        + "mark there as text; finish it with that version, or start a new run"
    case .textGone(let file):
      "\(file): the text this run was started on cannot be read there again; say where the same text lies "
        + "now"
    case .outOfMemory(let needed, let available, let place, let advice):
      "this needs about \(mebibytes(needed)) but \(place) has \(mebibytes(available)); \(advice)"
    case .notFinite(let step, let phase, let loss, let norm, let checkpoint):
      "step \(step) (phase \(phase)): loss \(loss), gradient norm \(norm); weights are as after step "
        + "\(step - 1); \(checkpoint.map { "the last good checkpoint is \($0), " } ?? "there is no checkpoint yet, ")"
        + "train again in another folder, with a lower learning rate or a longer warm-up"
    case .checkpointFailed(let step, let reason, let last):
      "step \(step): \(reason); \(last.map { "the last checkpoint is \($0), resume the run there" } ?? "no checkpoint was written yet")"
    }
  }

  /// Whether the command line is to blame.
  public var isUsage: Bool {
    switch self {
    case .option, .tooManySteps, .tooLong: true
    default: false
    }
  }
}

private func mebibytes(_ bytes: Int) -> String { "\((bytes + 1_048_575) / 1_048_576) MiB" }
