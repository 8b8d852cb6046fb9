/// The words, and who goes with whom.
enum Lexicon {
  static let size: Kinds = [
    .animal, .food, .toy, .tool, .clothing, .furniture, .vehicle, .plant, .building, .opening,
  ]
  static let color: Kinds = [.toy, .clothing, .vehicle, .furniture]

  static let adjectives: [Adjective] = [
    Adjective("big", size), Adjective("small", size), Adjective("little", [.animal, .toy, .person]),
    Adjective("old", [.person, .animal, .tool, .building, .vehicle, .reading, .furniture, .instrument]),
    Adjective("new", [.toy, .tool, .clothing, .vehicle, .furniture, .reading, .instrument]),
    Adjective("red", color), Adjective("blue", color), Adjective("green", color),
    Adjective("yellow", color), Adjective("white", color.union(.animal)),
    Adjective("black", color.union(.animal)), Adjective("brown", color.union(.animal)),
    Adjective("happy", .animate), Adjective("sad", .animate), Adjective("tired", .animate),
    Adjective("hungry", .animate), Adjective("thirsty", .animate), Adjective("angry", .animate),
    Adjective("young", .animate), Adjective("quiet", .animate), Adjective("brave", .animate),
    Adjective("clever", .animate), Adjective("friendly", .animate), Adjective("kind", .person),
    Adjective("funny", [.person, .reading]), Adjective("sweet", .food), Adjective("fresh", .food),
    Adjective("cold", [.food, .drink]), Adjective("warm", [.food, .drink, .clothing]),
    Adjective("clean", [.tool, .clothing, .furniture, .vehicle]),
    Adjective("dirty", [.tool, .clothing, .furniture, .vehicle]),
    Adjective("heavy", [.tool, .furniture]), Adjective("broken", [.tool, .toy, .vehicle, .instrument]),
    Adjective("beautiful", [.plant, .building, .clothing, .reading, .bird]),
    Adjective("tall", [.person, .height]), Adjective("long", .reading), Adjective("ugly", .building),
    Adjective("empty", [.container, .inside]), Adjective("expensive", [.clothing, .vehicle, .instrument]),
  ]

  static let manners = ["slowly", "quickly", "quietly", "happily", "loudly", "carefully"]
  /// They ask for the present.
  static let presentTimes = [["every", "day"], ["every", "morning"], ["every", "evening"]]
  /// They ask for the past.
  static let pastTimes = [["yesterday"], ["last", "week"], ["last", "night"], ["this", "morning"]]
  static let modals = ["can", "will", "must"]

  // Tables by kind: drawing a sensible word is one lookup.
  static let countNouns = nouns.filter { !$0.isMass }
  static let massNouns = nouns.filter(\.isMass)
  static let intransitives = verbs.filter { !$0.isTransitive }
  static let transitives = verbs.filter(\.isTransitive)
  static let reflexives = verbs.filter(\.isReflexive)
  static let animateIntransitives = intransitives.filter { !$0.subjects.isDisjoint(with: .animate) }
  static let personVerbs = verbs.filter { $0.subjects.contains(.person) }
  static let genderedPeople = nouns.filter { $0.kinds.contains(.person) && $0.gender != nil }
  static let people = countNouns(of: .person)
  static let animals = countNouns(of: .animal)
  static let beings = countNouns(of: .animate)
  static let inside = countNouns(of: .inside)
  static let containers = countNouns(of: .container)
  static let surfaces = countNouns(of: .surface)
  static let things = countNouns(of: .portable).filter { !$0.kinds.contains(.container) }
  static let describable = countNouns.filter { !adjectives(for: $0).isEmpty }
  static let landmarks = countNouns(of: .landmark)

  static func countNouns(of kinds: Kinds) -> [Noun] {
    countNouns.filter { !$0.kinds.isDisjoint(with: kinds) }
  }

  /// The nouns, uncounted ones too, of the kinds that a verb names as its subjects or objects.
  static func nouns(of kinds: Kinds) -> [Noun] { nounsByKinds[kinds.rawValue] ?? [] }

  /// What can be said of `noun`.
  static func adjectives(for noun: Noun) -> [Adjective] { adjectivesByKinds[noun.kinds.rawValue] ?? [] }

  /// What `noun` can do to something.
  static func transitives(for noun: Noun) -> [Verb] { transitivesByKinds[noun.kinds.rawValue] ?? [] }

  private static let nounsByKinds = table(verbs.flatMap { [$0.subjects, $0.objects] }) { kinds in
    nouns.filter { !$0.kinds.isDisjoint(with: kinds) }
  }
  private static let adjectivesByKinds = table(nouns.map(\.kinds)) { kinds in
    adjectives.filter { !$0.kinds.isDisjoint(with: kinds) }
  }
  private static let transitivesByKinds = table(nouns.map(\.kinds)) { kinds in
    transitives.filter { !$0.subjects.isDisjoint(with: kinds) }
  }

  private static func table<Value>(_ kinds: [Kinds], _ value: (Kinds) -> Value) -> [UInt32: Value] {
    Dictionary(kinds.map { ($0.rawValue, value($0)) }, uniquingKeysWith: { first, _ in first })
  }
}
