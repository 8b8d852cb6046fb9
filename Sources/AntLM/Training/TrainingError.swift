/// Why a training run cannot start or go on. Each description is one line: what, where, what to do.
public enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The schedule is longer than steps can be counted.
  case tooManySteps(limit: Int)

  public var description: String {
    switch self {
    case .tooManySteps(let limit):
      "the schedule makes more than \(limit) steps; train fewer epochs or set --max-steps"
    }
  }
}
