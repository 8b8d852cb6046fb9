/// The words that stories ask for by name.
extension Lexicon {
  static let have = Verb("have", .person, .visible, third: "has", past: "had")
  static let see = verb("see")
  static let chase = verb("chase")
  static let hide = verb("hide")
  static let run = verb("run")
  static let animalPastimes = ["sleep", "run", "play", "rest", "jump", "hide"].map(verb)
  static let personPastimes = ["play", "sing", "dance", "walk", "talk", "laugh", "run"].map(verb)
  static let care = ["feed", "wash", "hug", "watch"].map(verb)
  static let gifts = things.filter { !$0.kinds.isDisjoint(with: [.toy, .reading, .clothing, .food]) }
  static let hunters = animals.filter {
    ["dog", "fox", "wolf", "lion", "tiger", "bear"].contains($0.singular)
  }
  static let pets = animals.filter {
    ["dog", "cat", "horse", "rabbit", "puppy", "kitten", "duck", "bird", "goat", "mouse"].contains(
      $0.singular)
  }
  static let prey = animals.filter {
    ["cat", "rabbit", "mouse", "goat", "goose", "duck", "monkey"].contains($0.singular)
  }

  /// Verbs that take no object under any reading.
  static let neverTransitive = ["sleep", "laugh", "cry", "smile", "wait", "listen", "rest", "talk"].map(verb)
  /// Verbs that are never without an object.
  static let alwaysTransitive = [
    "chase", "scare", "like", "find", "love", "thank", "visit", "trust", "blame", "hug", "feed", "throw",
    "carry", "hold", "lose", "buy", "wear", "build", "repair", "admire",
  ].map(verb)
  /// What only persons do.
  static let personal = [
    "read", "write", "throw", "buy", "build", "repair", "visit", "thank", "wear", "blame", "teach",
    "water", "sell", "laugh", "sing", "dance", "smile",
  ].map(verb)
  /// Things that do nothing of their own accord.
  static let lifeless = countNouns(of: [.tool, .furniture, .clothing, .food])

  /// Verbs that are done to no place.
  static let selective = [
    "eat", "throw", "carry", "read", "wear", "feed", "cook", "bite", "write", "drive",
  ].map(verb)
  /// Buildings, their parts, and what stands about: seen, cleaned, climbed, in either number.
  static let places = countNouns(of: [.building, .opening, .height]).filter { !$0.kinds.contains(.container) }

  /// What somebody who has `noun` does with it.
  static func uses(of noun: Noun) -> [Verb] {
    transitives.filter {
      $0.subjects == .person && !$0.objects.isDisjoint(with: noun.kinds)
        && !["lose", "buy", "catch"].contains($0.base)
    }
  }

  private static func verb(_ base: String) -> Verb {
    guard let verb = verbs.first(where: { $0.base == base }) else {
      preconditionFailure("Lexicon: no verb \(base)")
    }
    return verb
  }
}
