import AntText

/// A schedule laid over a corpus: which step trains which objectives on which part of the data.
///
/// Every epoch has the same number of steps, its last one with the blocks that are left. A phase counted in
/// epochs begins a fresh epoch; one counted in steps goes on where the data stands and passes into the next
/// epoch when this one is used up. So `(1s_CLM+1s_MLM)*500` still walks through the whole corpus.
public struct TrainingPlan: Sendable, Equatable {
  /// A phase with its place in the run.
  public struct PlannedPhase: Sendable, Equatable {
    public let phase: Phase
    /// The steps it trains, counted from 1 over the whole run.
    public let steps: ClosedRange<Int>
    /// Where in the data its first step stands, in steps since the beginning of epoch 0.
    let firstDataStep: Int
    /// Steps of earlier phases of the same mixture.
    let earlierSteps: Int
  }

  /// Where one step stands.
  public struct Position: Sendable, Equatable {
    /// Index of the phase, from 0.
    public let phase: Int
    public let mixture: Mixture
    /// How many steps of the same mixture came before.
    public let stepOfMixture: Int
    /// Pass over the corpus, from 0.
    public let epoch: Int
    /// From 0.
    public let stepInEpoch: Int
    /// The step is the phase's last.
    public let endsPhase: Bool
  }

  public let stepsPerEpoch: Int
  public let phases: [PlannedPhase]
  /// The steps of the schedule, and of each that prolongs it: what learning rates, lengths and mask rates span.
  public let parts: [ClosedRange<Int>]

  /// - Parameters:
  ///   - extensions: schedules that follow it.
  ///   - stepsPerEpoch: optimizer steps in one pass over the corpus.
  ///   - maximumSteps: cuts the schedule short, and no extension; nil for the whole schedule.
  public init(
    _ schedule: Schedule, extensions: [Schedule] = [], stepsPerEpoch: Int, maximumSteps: Int? = nil
  ) throws {
    precondition(stepsPerEpoch >= 1, "TrainingPlan: \(stepsPerEpoch) steps per epoch")
    self.stepsPerEpoch = stepsPerEpoch
    var planned: [PlannedPhase] = []
    var parts: [ClosedRange<Int>] = []
    var done = 0
    var dataStep = 0
    var stepsByMixture: [String: Int] = [:]
    for (number, part) in ([schedule] + extensions).enumerated() {
      let first = done + 1
      let limit = number == 0 ? maximumSteps ?? .max : .max
      for phase in part.phases where done < limit {
        let wanted: Int
        switch phase.duration {
        case .steps(let count): wanted = count
        case .epochs(let count):
          let (steps, overflow) = count.multipliedReportingOverflow(by: stepsPerEpoch)
          wanted = overflow ? .max : steps
          dataStep = (dataStep + stepsPerEpoch - 1) / stepsPerEpoch * stepsPerEpoch
        }
        let steps = min(wanted, limit - done)
        guard steps <= Self.mostSteps - done else { throw TrainingError.tooManySteps(limit: Self.mostSteps) }
        planned.append(
          PlannedPhase(
            phase: phase, steps: done + 1...done + steps, firstDataStep: dataStep,
            earlierSteps: stepsByMixture[phase.mixture.description, default: 0]))
        stepsByMixture[phase.mixture.description, default: 0] += steps
        done += steps
        dataStep += steps
      }
      parts.append(first...done)
    }
    phases = planned
    self.parts = parts
  }

  /// Where a step stands in the schedule it belongs to, counted from 1.
  func place(ofStep step: Int) -> (step: Int, total: Int) {
    guard let part = parts.first(where: { $0.contains(step) }) else {
      preconditionFailure("TrainingPlan: step \(step) of \(totalSteps)")
    }
    return (step - part.lowerBound + 1, part.count)
  }

  /// Steps are counted in 32 bits where randomness is drawn.
  static let mostSteps = Int(Int32.max)

  public var totalSteps: Int { phases.last?.steps.upperBound ?? 0 }

  /// - Parameter step: from 1 to ``totalSteps``.
  public func position(ofStep step: Int) -> Position {
    precondition((1...totalSteps).contains(step), "TrainingPlan: step \(step) of \(totalSteps)")
    var low = 0
    var high = phases.count - 1
    while low < high {
      let middle = (low + high) / 2
      if phases[middle].steps.upperBound < step { low = middle + 1 } else { high = middle }
    }
    let planned = phases[low]
    let stepInPhase = step - planned.steps.lowerBound
    let dataStep = planned.firstDataStep + stepInPhase
    return Position(
      phase: low, mixture: planned.phase.mixture, stepOfMixture: planned.earlierSteps + stepInPhase,
      epoch: dataStep / stepsPerEpoch,
      stepInEpoch: dataStep % stepsPerEpoch, endsPhase: step == planned.steps.upperBound)
  }
}
