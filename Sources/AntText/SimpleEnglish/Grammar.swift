/// Draws phrases and clauses that make sense: who does what to whom follows the lexicon's kinds.
struct Grammar: Sendable {
  var draws: Draws

  init(_ draws: Draws) { self.draws = draws }

  mutating func number() -> GrammaticalNumber { draws.chance(62) ? .singular : .plural }

  mutating func name() -> NounPhrase {
    draws.chance(50)
      ? NounPhrase(name: draws.pick(Lexicon.maleNames), gender: .male)
      : NounPhrase(name: draws.pick(Lexicon.femaleNames), gender: .female)
  }

  /// Two different names.
  mutating func names() -> (NounPhrase, NounPhrase) {
    let first = name()
    var second = name()
    while second.head == first.head { second = name() }
    return (first, second)
  }

  mutating func adjective(for noun: Noun) -> String {
    let adjectives = Lexicon.adjectives(for: noun)
    return adjectives.isEmpty ? "" : draws.pick(adjectives).word
  }

  mutating func determiner(_ number: GrammaticalNumber, isMass: Bool = false) -> String {
    if isMass { return draws.pick(["the": 5, "some": 3, "this": 1, "": 3]) }
    switch number {
    case .singular:
      return draws.pick(["the": 46, "a": 24, "this": 8, "that": 7, "every": 8, "my": 4, "no": 2])
    case .plural:
      return draws.pick([
        "the": 40, "these": 9, "those": 8, "all": 7, "some": 10, "many": 6, "two": 7, "three": 5, "no": 2,
        "": 6,
      ])
    }
  }

  /// A phrase around a noun out of `nouns`.
  mutating func nounPhrase(_ nouns: [Noun], _ number: GrammaticalNumber? = nil) -> NounPhrase {
    let noun = draws.pick(nouns)
    let drawn = self.number()
    let number = noun.isMass ? .singular : number ?? drawn
    let adjective = draws.chance(25) ? adjective(for: noun) : ""
    return NounPhrase(determiner(number, isMass: noun.isMass), noun, number, adjective: adjective)
  }

  /// Who does what `verb` says: a name, a pronoun or a noun, sometimes with a phrase after it.
  mutating func subject(of verb: Verb, mayBePronoun: Bool = true) -> NounPhrase {
    if verb.subjects.contains(.person) {
      let draw = draws.below(100)
      if draw < 28 { return name() }
      if draw < 33 {
        let (first, second) = names()
        return NounPhrase(first, and: second)
      }
      if draw < 42, mayBePronoun { return subjectPronoun() }
    }
    var phrase = nounPhrase(Lexicon.nouns(of: verb.subjects))
    let draw = draws.below(100)
    if draw < 12 {
      phrase.modifier = nearby(draws.chance(50) ? .singular : .plural, except: phrase.noun)
    } else if draw < 20 {
      phrase.modifier = relative(for: phrase)
    }
    return phrase
  }

  mutating func subjectPronoun() -> NounPhrase {
    switch draws.below(10) {
    case 0..<3: NounPhrase(pronoun: "he", .singular, gender: .male)
    case 3..<6: NounPhrase(pronoun: "she", .singular, gender: .female)
    case 6..<8: NounPhrase(pronoun: "they", .plural)
    case 8: NounPhrase(pronoun: "we", .plural)
    default: NounPhrase(pronoun: "you", .plural)
    }
  }

  /// What `verb` is done to; never the subject's own name or noun.
  mutating func object(of verb: Verb, by subject: NounPhrase) -> NounPhrase {
    if verb.isReflexive, subject.head != "we", subject.head != "you", draws.chance(25),
      let reflexive = subject.reflexive
    {
      return reflexive
    }
    if verb.objects.contains(.person), draws.chance(35) {
      if draws.chance(25) {
        let pronoun = draws.pick(["him", "her", "them", "us"])
        return NounPhrase(pronoun: pronoun, pronoun == "them" || pronoun == "us" ? .plural : .singular)
      }
      let other = name()
      if !subject.words.contains(other.head) { return other }
    }
    var phrase = nounPhrase(Lexicon.nouns(of: verb.objects))
    while phrase.noun?.singular == subject.noun?.singular {
      phrase = nounPhrase(Lexicon.nouns(of: verb.objects))
    }
    return phrase
  }

  /// "near the trees", "behind a house".
  mutating func nearby(_ number: GrammaticalNumber, except noun: Noun? = nil) -> [String] {
    if draws.chance(50) {
      var neighbor = draws.pick(Lexicon.animals)
      while neighbor.singular == noun?.singular { neighbor = draws.pick(Lexicon.animals) }
      return [draws.pick(["near", "beside", "behind"])] + NounPhrase("the", neighbor, number).words
    }
    return [draws.pick(["near", "beside", "behind"])]
      + NounPhrase("the", draws.pick(Lexicon.landmarks), number).words
  }

  /// "who likes the dogs" after a person, "that chases a ball" after an animal.
  mutating func relative(for phrase: NounPhrase, objectNumber: GrammaticalNumber? = nil) -> [String] {
    guard let noun = phrase.noun else { return [] }
    let verbs = Lexicon.transitives(for: noun)
    guard !verbs.isEmpty else { return [] }
    var verb = draws.pick(verbs)
    var object = draws.pick(Lexicon.nouns(of: verb.objects))
    while object.singular == noun.singular || objectNumber != nil && object.isMass {
      verb = draws.pick(verbs)
      object = draws.pick(Lexicon.nouns(of: verb.objects))
    }
    let drawn = number()
    let number = object.isMass ? .singular : objectNumber ?? drawn
    return [noun.kinds.contains(.person) ? "who" : "that", verb.present(phrase.number)]
      + NounPhrase("the", object, number).words
  }

  /// Where people and animals do things.
  mutating func place() -> [String] {
    if draws.chance(75) { return ["in", "the", draws.pick(Lexicon.inside).singular] }
    return [draws.pick(["near", "beside", "behind"]), "the", draws.pick(Lexicon.landmarks).singular]
  }

  /// Where things lie.
  mutating func spot() -> [String] {
    if draws.chance(35) { return ["in", "the", draws.pick(Lexicon.containers).singular] }
    return [draws.pick(["on", "on", "under"]), "the", draws.pick(Lexicon.surfaces).singular]
  }

  mutating func tense(of verb: Verb) -> Clause.Tense {
    switch draws.below(100) {
    case 0..<45: .present
    case 45..<75: .past
    case 75..<85: verb.isStative ? .present : .presentProgressive
    case 85..<89: verb.isStative ? .past : .pastProgressive
    default: .modal(draws.pick(Lexicon.modals))
    }
  }

  /// A clause around a verb, or "be" with an adjective or a place.
  mutating func clause(mayBePronoun: Bool = true, mayHaveTime: Bool = true) -> Clause {
    var clause: Clause
    switch draws.below(100) {
    case 0..<12: clause = description()
    case 12..<38:
      let verb = draws.pick(Lexicon.intransitives)
      clause = Clause(subject(of: verb, mayBePronoun: mayBePronoun), verb, nil, tense(of: verb))
      if verb.subjects.contains(.animal) || verb.subjects.contains(.person), draws.chance(40) {
        clause.adjuncts = draws.chance(65) ? place() : [draws.pick(Lexicon.manners)]
      }
    default:
      let verb = draws.pick(Lexicon.transitives)
      let subject = subject(of: verb, mayBePronoun: mayBePronoun)
      clause = Clause(subject, verb, object(of: verb, by: subject), tense(of: verb))
      if draws.chance(12) { clause.adjuncts = place() }
    }
    if mayHaveTime, clause.verb != nil, draws.chance(20) { addTime(to: &clause) }
    clause.isNegated = mayBeNegated(clause) && draws.chance(12)
    return clause
  }

  /// "The dogs are hungry.", "The ball is under the table."
  private mutating func description() -> Clause {
    let tense: Clause.Tense = draws.chance(70) ? .present : .past
    if draws.chance(35) {
      let thing = nounPhrase(Lexicon.things)
      return Clause(thing, is: spot(), tense)
    }
    if draws.chance(35) {
      let person = draws.chance(50) ? name() : subjectPronoun()
      return Clause(person, is: [adjective(for: Lexicon.people[0])], tense)
    }
    var phrase = nounPhrase(Lexicon.describable)
    phrase.adjective = ""
    let complement = adjective(for: phrase.noun!)
    return Clause(phrase, is: draws.chance(15) ? ["very", complement] : [complement], tense)
  }

  /// A time that goes with the tense, before or after.
  private mutating func addTime(to clause: inout Clause) {
    let time: [String]
    switch clause.tense {
    case .present: time = draws.pick(Lexicon.presentTimes)
    case .past: time = draws.pick(Lexicon.pastTimes)
    case .presentProgressive: time = ["now"]
    case .modal("will"): time = ["tomorrow"]
    default: return
    }
    if draws.chance(50) { clause.opening = time } else { clause.adjuncts += time }
  }

  /// "Every dog does not sleep" says two things at once; such clauses stay positive.
  private func mayBeNegated(_ clause: Clause) -> Bool {
    !["every", "all", "no", "some", "many"].contains(clause.subject.determiner)
      && !["no", "some", "every", "all"].contains(clause.object?.determiner ?? "")
  }
}
