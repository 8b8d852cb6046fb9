/// Two sentences that differ in one place, of which one is grammatical.
///
/// Coded with BLiMP's keys (Warstadt et al., 2020), one object a line.
public struct MinimalPair: Codable, Sendable, Equatable {
  public let good: String
  public let bad: String
  /// What the pair tests: "subject_verb_agreement".
  public let phenomenon: String
  /// The branch of grammar it belongs to: "morphology".
  public let field: String

  enum CodingKeys: String, CodingKey {
    case good = "sentence_good"
    case bad = "sentence_bad"
    case phenomenon, field
  }

  public init(good: String, bad: String, phenomenon: String, field: String) {
    self.good = good
    self.bad = bad
    self.phenomenon = phenomenon
    self.field = field
  }
}
