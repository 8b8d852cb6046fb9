import Foundation

/// The learning rate of every step, whoever trains: linear warm-up, then a decay. With w warm-up steps of n and step s,
/// counted from 1, or from 0 as the schedulers of transformers count:
///
///     s <= w:  peak s / w
///     else:    floor + (peak - floor) shape(t)      t = (s - w) / (n - w)
///
/// so that, counted from 1, step n is trained at the floor. Warm-up-stable-decay (Hu et al., "MiniCPM", 2024) holds the
/// peak until the last d steps, in which t = (s - (n - d)) / d.
///
/// Over a run of several phases the rate may climb again at each switch: in the first r steps of a phase but the first it
/// is s_phase / r of what it would be.
public struct LearningRate: Sendable, Equatable {
  /// How long the rate climbs, or falls.
  public enum Stretch: Sendable, Equatable {
    case steps(Int)
    /// Of the steps the schedule spans, in 0...100, rounded up.
    case percent(Double)
    /// Of the steps the schedule spans, in 0...1, rounded down as the field's fine-tuning recipes do.
    case part(Double)

    /// Of `total` steps, at most all.
    func steps(of total: Int) -> Int {
      switch self {
      case .steps(let count): min(count, total)
      case .percent(let percent): Int((percent / 100 * Double(total)).rounded(.up))
      case .part(let part): Int(part * Double(total))
      }
    }
  }

  /// What comes after the warm-up.
  public enum Shape: String, Sendable, Codable, CaseIterable {
    case constant, linear, cosine
    /// The peak, and at the end a decay of ``LearningRate/decay`` steps as ``LearningRate/decayShape`` says.
    case wsd
  }

  /// How the rate falls.
  public enum DecayShape: String, Sendable, Codable, CaseIterable {
    case linear, cosine
    /// 1 - sqrt(t): fast at first (Hägele et al., "Scaling Laws Beyond Fixed Training Durations", 2024).
    case sqrt

    /// What is left of the way from peak to floor, 1 to 0, at `progress` in 0...1.
    func remains(_ progress: Double) -> Double {
      switch self {
      case .linear: 1 - progress
      case .cosine: (1 + cos(.pi * progress)) / 2
      case .sqrt: 1 - progress.squareRoot()
      }
    }
  }

  /// What the decay spans.
  public enum Span: String, Sendable, Codable, CaseIterable {
    /// The whole run, switches of objective notwithstanding; what prolongs a run by itself.
    case run
    /// Each phase by itself, warm-up included.
    case phase
  }

  public var peak: Double
  /// As a part of the peak, in 0...1.
  public var floor: Double
  public var warmup: Stretch
  public var span: Span
  public var shape: Shape
  /// The end of the schedule in which the rate of ``Shape/wsd`` falls; no more than the warm-up leaves.
  public var decay: Stretch
  public var decayShape: DecayShape
  /// The beginning of each phase but the first in which the rate climbs again.
  public var rewarmup: Stretch
  /// What the first step counts as, 1 or 0.
  public var firstStep: Int

  public init(
    peak: Double, floor: Double = 0.1, warmup: Stretch = .percent(2), span: Span = .run,
    shape: Shape = .cosine, decay: Stretch = .percent(20), decayShape: DecayShape = .linear,
    rewarmup: Stretch = .steps(0), firstStep: Int = 1
  ) {
    self.peak = peak
    self.floor = floor
    self.warmup = warmup
    self.span = span
    self.shape = shape
    self.decay = decay
    self.decayShape = decayShape
    self.rewarmup = rewarmup
    self.firstStep = firstStep
  }

  /// The rate of `step` of `plan`.
  public func callAsFunction(step: Int, of plan: TrainingPlan) -> Float {
    let position = plan.position(ofStep: step)
    let steps = plan.phases[position.phase].steps
    let stepInPhase = step - steps.lowerBound + 1
    let place =
      switch span {
      case .run: plan.place(ofStep: step)
      case .phase: (step: stepInPhase, total: steps.count)
      }
    let rate = rate(place.step, of: place.total)
    // A schedule of its own has a warm-up of its own.
    let isFirst = plan.parts.contains { $0.lowerBound == steps.lowerBound }
    let climb = isFirst ? 0 : rewarmup.steps(of: steps.count)
    return stepInPhase < climb ? rate * Float(stepInPhase) / Float(climb) : rate
  }

  /// The rate of `step`, from 1, of `total`.
  public func rate(_ step: Int, of total: Int) -> Float {
    let warmupSteps = warmup.steps(of: total)
    let counted = step - 1 + firstStep
    if warmupSteps > 0, counted <= warmupSteps {
      return Float(peak * Double(counted) / Double(warmupSteps))
    }
    func remains(_ decay: DecayShape, after start: Int) -> Double {
      decay.remains(Double(max(0, counted - start)) / Double(max(1, total - start)))
    }
    let remains =
      switch shape {
      case .constant: 1.0
      case .linear: remains(.linear, after: warmupSteps)
      case .cosine: remains(.cosine, after: warmupSteps)
      case .wsd: remains(decayShape, after: max(warmupSteps, total - decay.steps(of: total)))
      }
    let low = peak * floor
    return Float(low + (peak - low) * remains)
  }
}

extension LearningRate.Stretch: LosslessStringConvertible {
  /// `300` for steps, `2%` for a part of them.
  public init?(_ text: String) {
    if text.hasSuffix("%") {
      guard let percent = Double(text.dropLast()), (0...100).contains(percent) else { return nil }
      self = .percent(percent)
    } else {
      guard let steps = Int(text), steps >= 0 else { return nil }
      self = .steps(steps)
    }
  }

  public var description: String {
    switch self {
    case .steps(let count): "\(count)"
    case .percent(let percent): percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
    case .part(let part): "\(100 * part)%"
    }
  }
}
