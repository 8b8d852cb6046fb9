/// A noun with what belongs to it: "the small dog near the trees", "Anna", "they".
struct NounPhrase: Sendable {
  /// Empty before names, pronouns and bare plurals; "a" is written "an" where the next word asks for it.
  var determiner = ""
  var adjective = ""
  var head: String
  /// What the verb agrees with.
  var number: GrammaticalNumber
  /// nil for a singular person of either gender.
  var gender: Gender?
  var modifier: [String] = []
  /// nil for names and pronouns.
  var noun: Noun?

  init(name: String, gender: Gender) {
    head = name
    number = .singular
    self.gender = gender
  }

  init(pronoun: String, _ number: GrammaticalNumber, gender: Gender? = nil) {
    head = pronoun
    self.number = number
    self.gender = gender
  }

  init(_ determiner: String, _ noun: Noun, _ number: GrammaticalNumber, adjective: String = "") {
    self.determiner = determiner
    self.adjective = adjective
    self.noun = noun
    self.number = number
    head = noun.form(number)
    gender = noun.gender
  }

  /// Two names, joined.
  init(_ first: NounPhrase, and second: NounPhrase) {
    head = first.head
    modifier = ["and", second.head]
    number = .plural
    gender = nil
  }

  var words: [String] {
    var words: [String] = []
    let next = adjective.isEmpty ? head : adjective
    if determiner == "a" {
      words.append(Inflection.indefiniteArticle(before: next))
    } else if !determiner.isEmpty {
      words.append(determiner)
    }
    if !adjective.isEmpty { words.append(adjective) }
    words.append(head)
    words.append(contentsOf: modifier)
    return words
  }

  /// The pronoun for it as a subject; nil for a singular person of either gender.
  var subjectPronoun: NounPhrase? {
    if number == .plural { return NounPhrase(pronoun: "they", .plural) }
    return gender.map { NounPhrase(pronoun: Self.subjects[$0]!, .singular, gender: $0) }
  }

  /// The pronoun for it as an object; nil for a singular person of either gender.
  var objectPronoun: NounPhrase? {
    if number == .plural { return NounPhrase(pronoun: "them", .plural) }
    return gender.map { NounPhrase(pronoun: Self.objects[$0]!, .singular, gender: $0) }
  }

  /// "himself"; nil for a singular person of either gender.
  var reflexive: NounPhrase? {
    if number == .plural { return NounPhrase(pronoun: "themselves", .plural) }
    return gender.map { NounPhrase(pronoun: Self.reflexives[$0]!, .singular, gender: $0) }
  }

  private static let subjects: [Gender: String] = [.male: "he", .female: "she", .neuter: "it"]
  private static let objects: [Gender: String] = [.male: "him", .female: "her", .neuter: "it"]
  private static let reflexives: [Gender: String] = [
    .male: "himself", .female: "herself", .neuter: "itself",
  ]
}
