/// What a noun can be, do and suffer: the small ontology that keeps the sentences sensible.
struct Kinds: OptionSet, Sendable {
  let rawValue: UInt32

  static let person = Kinds(rawValue: 1 << 0)
  static let animal = Kinds(rawValue: 1 << 1)
  static let bird = Kinds(rawValue: 1 << 2)
  static let food = Kinds(rawValue: 1 << 3)
  static let drink = Kinds(rawValue: 1 << 4)
  static let toy = Kinds(rawValue: 1 << 5)
  static let tool = Kinds(rawValue: 1 << 6)
  static let reading = Kinds(rawValue: 1 << 7)
  static let clothing = Kinds(rawValue: 1 << 8)
  static let furniture = Kinds(rawValue: 1 << 9)
  static let vehicle = Kinds(rawValue: 1 << 10)
  static let plant = Kinds(rawValue: 1 << 11)
  static let building = Kinds(rawValue: 1 << 12)
  static let instrument = Kinds(rawValue: 1 << 13)
  static let opening = Kinds(rawValue: 1 << 14)
  /// One can be in it: a garden, a kitchen.
  static let inside = Kinds(rawValue: 1 << 15)
  /// A thing can lie in it: a box.
  static let container = Kinds(rawValue: 1 << 16)
  /// A thing can lie on it: a table.
  static let surface = Kinds(rawValue: 1 << 17)
  /// One can be near or behind it: a tree.
  static let landmark = Kinds(rawValue: 1 << 18)
  /// It grows high: a tree, a hill.
  static let height = Kinds(rawValue: 1 << 19)

  static let animate: Kinds = [.person, .animal]
  static let portable: Kinds = [.food, .toy, .tool, .reading, .clothing, .instrument]
}

enum GrammaticalNumber: Sendable {
  case singular, plural

  var other: GrammaticalNumber { self == .singular ? .plural : .singular }
}

/// Which pronoun stands for a noun; nil where a singular person may be either.
enum Gender: Sendable {
  case male, female, neuter

  var other: Gender { self == .male ? .female : .male }
}

struct Noun: Sendable {
  let singular: String
  let plural: String
  let kinds: Kinds
  /// nil for persons of either gender.
  let gender: Gender?
  /// Not counted: water.
  let isMass: Bool

  init(
    _ singular: String, _ kinds: Kinds, plural: String? = nil, gender: Gender? = nil, isMass: Bool = false
  ) {
    self.singular = singular
    self.plural = plural ?? Inflection.withS(singular)
    self.kinds = kinds
    self.gender = gender ?? (kinds.contains(.person) ? nil : .neuter)
    self.isMass = isMass
  }

  func form(_ number: GrammaticalNumber) -> String { number == .singular ? singular : plural }
}

struct Verb: Sendable {
  let base: String
  let third: String
  let past: String
  let progressive: String
  let subjects: Kinds
  /// Empty for a verb without an object.
  let objects: Kinds
  /// "washes himself" makes sense.
  let isReflexive: Bool
  /// A state, not an action: "is liking" is not said.
  let isStative: Bool

  init(
    _ base: String, _ subjects: Kinds, _ objects: Kinds = [], third: String? = nil, past: String? = nil,
    progressive: String? = nil, reflexive: Bool = false, stative: Bool = false
  ) {
    self.base = base
    self.third = third ?? Inflection.withS(base)
    self.past = past ?? Inflection.withED(base)
    self.progressive = progressive ?? Inflection.withING(base)
    self.subjects = subjects
    self.objects = objects
    self.isReflexive = reflexive
    self.isStative = stative
  }

  var isTransitive: Bool { !objects.isEmpty }

  func present(_ number: GrammaticalNumber) -> String { number == .singular ? third : base }
}

struct Adjective: Sendable {
  let word: String
  /// What it can be said of.
  let kinds: Kinds

  init(_ word: String, _ kinds: Kinds) {
    self.word = word
    self.kinds = kinds
  }
}

/// The regular endings; what doubles a consonant or changes a vowel is spelled out where the word is listed.
enum Inflection {
  static func withS(_ word: String) -> String {
    if endsInConsonantY(word) { return word.dropLast() + "ies" }
    return ["s", "x", "ch", "sh", "o"].contains { word.hasSuffix($0) } ? word + "es" : word + "s"
  }

  static func withED(_ word: String) -> String {
    if endsInConsonantY(word) { return word.dropLast() + "ied" }
    return word.hasSuffix("e") ? word + "d" : word + "ed"
  }

  static func withING(_ word: String) -> String {
    word.hasSuffix("e") && !word.hasSuffix("ee") ? word.dropLast() + "ing" : word + "ing"
  }

  /// The article before `word`.
  static func indefiniteArticle(before word: String) -> String {
    startsWithVowel(word) ? "an" : "a"
  }

  static func startsWithVowel(_ word: String) -> Bool {
    word.first.map { "aeiouAEIOU".contains($0) } ?? false
  }

  private static func endsInConsonantY(_ word: String) -> Bool {
    word.hasSuffix("y") && !["ay", "ey", "oy", "uy"].contains { word.hasSuffix($0) }
  }
}
