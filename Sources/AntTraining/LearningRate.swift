import Foundation

/// The learning rate of every step, whoever trains: linear warm-up, then a decay. With w warm-up steps of n and step s,
/// counted from 1, or from 0 as the schedulers of transformers count:
///
///     s <= w:  peak s / w
///     else:    floor + (peak - floor) shape(t)      t = (s - w) / (n - w)
///
/// so that, counted from 1, step n is trained at the floor.
public struct LearningRate: Sendable, Equatable {
  /// How long the rate climbs.
  public enum Warmup: Sendable, Equatable {
    case steps(Int)
    /// Of the steps the decay spans, in 0...100, rounded up.
    case percent(Double)
    /// Of the steps the decay spans, in 0...1, rounded down as the field's fine-tuning recipes do.
    case part(Double)
  }

  /// What comes after the warm-up.
  public enum Shape: String, Sendable, Codable, CaseIterable {
    case constant, linear, cosine

    /// What is left of the way from peak to floor, 1 to 0, at `progress` in 0...1.
    func remains(_ progress: Double) -> Double {
      switch self {
      case .constant: 1
      case .linear: 1 - progress
      case .cosine: (1 + cos(.pi * progress)) / 2
      }
    }
  }

  /// What the decay spans.
  public enum Span: String, Sendable, Codable, CaseIterable {
    /// The whole run, switches of objective notwithstanding.
    case run
    /// Each phase by itself, warm-up included.
    case phase
  }

  public var peak: Double
  /// As a part of the peak, in 0...1.
  public var floor: Double
  public var warmup: Warmup
  public var span: Span
  public var shape: Shape
  /// What the first step counts as, 1 or 0.
  public var firstStep: Int

  public init(
    peak: Double, floor: Double = 0.1, warmup: Warmup = .percent(2), span: Span = .run,
    shape: Shape = .cosine,
    firstStep: Int = 1
  ) {
    self.peak = peak
    self.floor = floor
    self.warmup = warmup
    self.span = span
    self.shape = shape
    self.firstStep = firstStep
  }

  /// The rate of `step` of `plan`.
  public func callAsFunction(step: Int, of plan: TrainingPlan) -> Float {
    switch span {
    case .run: return rate(step, of: plan.totalSteps)
    case .phase:
      let steps = plan.phases[plan.position(ofStep: step).phase].steps
      return rate(step - steps.lowerBound + 1, of: steps.count)
    }
  }

  /// The rate of `step`, from 1, of `total`.
  public func rate(_ step: Int, of total: Int) -> Float {
    let warmupSteps =
      switch warmup {
      case .steps(let count): min(count, total)
      case .percent(let percent): Int((percent / 100 * Double(total)).rounded(.up))
      case .part(let part): Int(part * Double(total))
      }
    let counted = step - 1 + firstStep
    if warmupSteps > 0, counted <= warmupSteps {
      return Float(peak * Double(counted) / Double(warmupSteps))
    }
    let progress = Double(counted - warmupSteps) / Double(max(1, total - warmupSteps))
    let low = peak * floor
    return Float(low + (peak - low) * shape.remains(progress))
  }
}

extension LearningRate.Warmup: CustomStringConvertible {
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
