import Foundation

/// Picks the next token from logits x:
///
///     p_i ~ exp(x_i / temperature)   over the `topK` largest, and of those the fewest that hold `topP` of the mass
///
/// where the logits of tokens that were said already are first made smaller by the repetition penalty θ:
/// `x / θ` for x > 0, else `x θ` (Keskar et al. 2019). Temperature 0 takes the largest (Holtzman et al. 2020 for top-p). Equal logits are ordered by id.
public struct Sampler: Sendable, Equatable {
  public var temperature: Double
  public var topP: Double
  /// Nil for all.
  public var topK: Int?
  /// 1 for none.
  public var repetitionPenalty: Float

  public init(
    temperature: Double = 0.8, topP: Double = 0.95, topK: Int? = nil, repetitionPenalty: Float = 1
  ) {
    self.temperature = temperature
    self.topP = topP
    self.topK = topK
    self.repetitionPenalty = repetitionPenalty
  }

  /// - Parameters:
  ///   - draw: uniform in [0, 1).
  ///   - forbidden: ids never picked.
  ///   - said: the text so far, which the repetition penalty looks at.
  /// - Returns: nil where no logit is finite.
  func pick(
    _ logits: ArraySlice<Float>, draw: Double, forbidden: Set<Int32> = [], said: [Int32] = []
  ) -> Int32? {
    var logits = logits
    if repetitionPenalty != 1 {
      for id in Set(said) {
        let place = logits.startIndex + Int(id)
        logits[place] *= logits[place] > 0 ? 1 / repetitionPenalty : repetitionPenalty
      }
    }
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
