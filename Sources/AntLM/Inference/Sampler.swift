import Device
import Foundation

/// Picks the next token from logits x:
///
///     p_i ~ exp(x_i / temperature)   over the `topK` largest, and of those the fewest that hold `topP` of the mass
///
/// Temperature 0 takes the largest (Holtzman et al. 2020 for top-p). Equal logits are ordered by id.
public struct Sampler: Sendable, Equatable {
  public var temperature: Double
  public var topP: Double
  /// Nil for all.
  public var topK: Int?

  public init(temperature: Double = 0.8, topP: Double = 0.95, topK: Int? = nil) {
    self.temperature = temperature
    self.topP = topP
    self.topK = topK
  }

  /// - Parameters:
  ///   - draw: uniform in [0, 1).
  ///   - forbidden: ids never picked.
  /// - Returns: nil where no logit is finite.
  func pick(_ logits: ArraySlice<Float>, draw: Double, forbidden: Set<Int32> = []) -> Int32? {
    let base = logits.startIndex
    var candidates: [(id: Int32, logit: Float)] = []
    candidates.reserveCapacity(logits.count)
    for index in logits.indices where logits[index].isFinite && !forbidden.contains(Int32(index - base)) {
      candidates.append((Int32(index - base), logits[index]))
    }
    func before(_ a: (id: Int32, logit: Float), _ b: (id: Int32, logit: Float)) -> Bool {
      (b.logit, a.id) < (a.logit, b.id)
    }
    if temperature == 0 || topK == 1 { return candidates.min(by: before)?.id }
    candidates.sort(by: before)
    guard let largest = candidates.first?.logit else { return nil }
    if let topK, topK < candidates.count { candidates.removeLast(candidates.count - topK) }
    let weights = candidates.map { exp((Double($0.logit) - Double(largest)) / temperature) }
    let total = weights.reduce(0, +)
    var kept = 0
    var mass = 0.0
    while kept < weights.count && (kept == 0 || mass < topP * total) {
      mass += weights[kept]
      kept += 1
    }
    var rest = draw * mass
    for place in 0..<kept {
      rest -= weights[place]
      if rest < 0 { return candidates[place].id }
    }
    return candidates[kept - 1].id
  }
}
