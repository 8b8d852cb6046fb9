import Foundation

/// Cosine with linear warm-up. With w warm-up steps of n and step s counted from 1:
///
///     s <= w:  peak s / w
///     else:    floor + (peak - floor) (1 + cos(pi (s - w) / (n - w))) / 2
///
/// so that step n is trained at the floor.
public struct LearningRate: Sendable, Equatable {
  /// How long the rate climbs.
  public enum Warmup: Sendable, Equatable {
    case steps(Int)
    /// Of the steps the cosine spans, in 0...100.
    case percent(Double)
  }

  /// What the cosine spans.
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

  public init(peak: Double, floor: Double = 0.1, warmup: Warmup = .percent(2), span: Span = .run) {
    self.peak = peak
    self.floor = floor
    self.warmup = warmup
    self.span = span
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

  private func rate(_ step: Int, of total: Int) -> Float {
    let warmupSteps =
      switch warmup {
      case .steps(let count): min(count, total)
      case .percent(let percent): Int((percent / 100 * Double(total)).rounded(.up))
      }
    if step <= warmupSteps { return Float(peak * Double(step) / Double(warmupSteps)) }
    let progress = Double(step - warmupSteps) / Double(total - warmupSteps)
    let low = peak * floor
    return Float(low + (peak - low) * (1 + cos(.pi * progress)) / 2)
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
    }
  }
}
