/// A list of objectives: what a schedule may name, a run is trained and evaluated under, and help speaks of.
///
///     let mine = Objectives.standard + [Reversed()]
public struct Objectives: Sendable {
  /// In the order in which help and tables name them.
  public let all: [any Objective]

  /// - Parameter all: no two of one name; names are of letters and digits.
  public init(_ all: [any Objective]) {
    for (index, objective) in all.enumerated() {
      precondition(
        !objective.name.isEmpty && objective.name.allSatisfy { $0.isLetter || $0.isNumber },
        "Objectives: '\(objective.name)' cannot stand in a schedule")
      precondition(
        all[..<index].allSatisfy { $0.name != objective.name }, "Objectives: two are called \(objective.name)"
      )
    }
    self.all = all
  }

  public static let standard = Objectives([
    CausalObjective(), MaskedObjective(), MaskedNextObjective(), PrefixObjective(), DiffusionObjective(),
    MaskedInputObjective(),
  ])

  public static func + (list: Objectives, more: [any Objective]) -> Objectives {
    Objectives(list.all + more)
  }

  public var names: [String] { all.map(\.name) }

  /// The objective called `name`; nil where there is none.
  public subscript(name: String) -> (any Objective)? { all.first { $0.name == name } }

  /// Those that work with a tokenizer of these special tokens.
  public func available(with specials: SpecialTokens) -> Objectives {
    Objectives(all.filter { !$0.needsMaskToken || specials.mask != SpecialTokens.absent })
  }
}
