/// The kinds of single sentences.
extension Grammar {
  mutating func sentence() -> String {
    switch draws.below(100) {
    case 0..<68: return written(clause().statement)
    case 68..<74: return written(existential().statement)
    case 74..<80: return written(thought())
    case 80..<84:
      let first = clause(mayBePronoun: false, mayHaveTime: false)
      let second = clause(mayBePronoun: false, mayHaveTime: false)
      return written(first.statement + [draws.pick(["and", "but"])] + second.statement)
    case 84..<92: return written(yesNoQuestion().question, "?")
    default: return written(whQuestion(), "?")
    }
  }

  /// "There is a cat in the garden.": the subject stands behind the verb.
  mutating func existential() -> Clause {
    let number = number()
    let determiner =
      number == .singular
      ? draws.pick(["a": 8, "no": 1]) : draws.pick(["some": 3, "two": 3, "three": 2, "many": 3, "no": 1])
    let phrase: NounPhrase
    let place: [String]
    if draws.chance(60) {
      phrase = NounPhrase(determiner, draws.pick(Lexicon.beings), number)
      place = self.place()
    } else {
      phrase = NounPhrase(determiner, draws.pick(Lexicon.things), number)
      place = spot()
    }
    var clause = Clause(NounPhrase(pronoun: "there", number), is: phrase.words)
    if draws.chance(25) { clause.tense = .past }
    clause.adjuncts = place
    return clause
  }

  /// "Anna thinks that the dog is hungry."
  mutating func thought() -> [String] {
    let verb = draws.pick(Lexicon.thoughts)
    let tense: Clause.Tense = draws.chance(60) ? .present : .past
    let outer = Clause(subject(of: verb), verb, nil, tense)
    var inner = clause(mayHaveTime: false)
    // Not "that that".
    if inner.subject.determiner == "that" { inner.subject.determiner = "the" }
    return outer.statement + ["that"] + inner.statement
  }

  /// A clause that can be asked: nothing before its subject, and a subject one can ask about.
  mutating func yesNoQuestion() -> Clause {
    while true {
      let clause = clause(mayHaveTime: false)
      if clause.isNegated || ["no", "every", "some", "many", "all"].contains(clause.subject.determiner) {
        continue
      }
      return clause
    }
  }

  /// "What does the girl eat?", "Who does Tom help?", "Who eats the apple?", "Where is the cat?"
  mutating func whQuestion() -> [String] {
    switch draws.below(10) {
    case 0..<4:
      let (word, clause) = objectQuestion()
      return [word] + clause.question
    case 4..<7: return subjectQuestion().statement
    default:
      let thing = NounPhrase("the", draws.pick(Lexicon.things), number())
      return ["where"] + Clause(thing, is: []).question
    }
  }

  /// The question word for the object of a verb, with the clause around the gap.
  mutating func objectQuestion() -> (word: String, clause: Clause) {
    while true {
      let verb = draws.pick(Lexicon.transitives)
      let isPerson = verb.objects == .person
      guard isPerson || verb.objects.isDisjoint(with: .animate) else { continue }
      let tense: Clause.Tense = draws.chance(60) ? .present : .past
      var subject = draws.chance(40) ? name() : nounPhrase(Lexicon.countNouns(of: verb.subjects))
      if !subject.determiner.isEmpty { subject.determiner = "the" }
      let clause = Clause(subject, verb, nil, tense)
      let word = isPerson ? "who" : "what"
      return (word, clause)
    }
  }

  /// A clause whose subject can be asked for with "who".
  mutating func subjectQuestion() -> Clause {
    while true {
      let verb = draws.pick(Lexicon.transitives)
      guard verb.subjects == .person else { continue }
      let who = NounPhrase(pronoun: "who", .singular)
      let object = object(of: verb, by: NounPhrase(pronoun: "you", .plural))
      return Clause(who, verb, object, draws.chance(60) ? .present : .past)
    }
  }
}
