/// Pairs about reference, the frames of verbs, and who can do what.
extension Grammar {
  /// "Anna washes herself." with the reflexive changed.
  mutating func anaphorPair(changing number: Bool) -> (good: String, bad: String) {
    let verb = draws.pick(Lexicon.reflexives)
    var subject = NounPhrase("the", draws.pick(Lexicon.genderedPeople), .singular)
    let gender = subject.gender!
    var wrong = gender.other == .male ? "himself" : "herself"
    if number {
      let form = self.number()
      subject = NounPhrase(determiner(form), draws.pick(Lexicon.genderedPeople), form)
      // "Every boy washes themselves" is widely said.
      if ["every", "no"].contains(subject.determiner) { subject.determiner = "the" }
      wrong = form == .singular ? "themselves" : subject.gender == .male ? "himself" : "herself"
    } else if draws.chance(60) {
      subject = name()
      wrong = subject.gender == .male ? "herself" : "himself"
    }
    let clause = Clause(subject, verb, subject.reflexive, draws.chance(50) ? .present : .past)
    var other = clause
    other.object = NounPhrase(pronoun: wrong, .singular)
    return (written(clause.statement), written(other.statement))
  }

  /// "The king has a dog. He feeds it." with the pronoun of the other gender.
  mutating func pronounGenderPair() -> (good: String, bad: String) {
    let owner =
      draws.chance(50) ? name() : NounPhrase("the", draws.pick(Lexicon.genderedPeople), .singular)
    let animal = draws.pick(Lexicon.pets)
    let first = Clause(owner, Lexicon.have, NounPhrase("a", animal, .singular), .present)
    let care = draws.pick(Lexicon.care)
    func story(_ gender: Gender) -> String {
      let pronoun = NounPhrase(pronoun: gender == .male ? "he" : "she", .singular)
      let second = Clause(pronoun, care, NounPhrase(pronoun: "it", .singular), .present)
      return written(first.statement) + " " + written(second.statement)
    }
    return (story(owner.gender!), story(owner.gender!.other))
  }

  /// "Anna helps him." against "he"; "She sleeps." against "her".
  mutating func pronounCasePair() -> (good: String, bad: String) {
    let (subjective, objective) = draws.pick([("he", "him"), ("she", "her"), ("they", "them"), ("we", "us")])
    if draws.chance(50) {
      let number: GrammaticalNumber = ["he", "she"].contains(subjective) ? .singular : .plural
      var clause = presentClause(NounPhrase(pronoun: subjective, number))
      if draws.chance(40) { clause.tense = .past }
      while clause.verb!.subjects.isDisjoint(with: .person) {
        clause = presentClause(NounPhrase(pronoun: subjective, number))
      }
      var wrong = clause
      wrong.subject.head = objective
      return (written(clause.statement), written(wrong.statement))
    }
    let verb = draws.pick(Lexicon.transitives.filter { $0.objects.contains(.person) })
    let clause = Clause(
      plainSubject(of: verb), verb, NounPhrase(pronoun: objective, .singular),
      draws.chance(50) ? .present : .past)
    var wrong = clause
    wrong.object!.head = subjective
    return (written(clause.statement), written(wrong.statement))
  }

  /// "There is a cat in the garden." against "every cat".
  mutating func existentialQuantifierPair() -> (good: String, bad: String) {
    let clause = existential()
    var wrong = clause
    let every = clause.agreement == .singular ? "every" : "all"
    wrong.complement[0] = every
    return (written(clause.statement), written(wrong.statement))
  }

  /// "The boy throws a red ball." with the last two words swapped.
  mutating func adjectiveOrderPair() -> (good: String, bad: String) {
    while true {
      let verb = draws.pick(Lexicon.transitives)
      let nouns = Lexicon.countNouns(of: verb.objects)
      guard !nouns.isEmpty else { continue }
      let noun = draws.pick(nouns)
      let adjective = adjective(for: noun)
      let subject = plainSubject(of: verb)
      guard !adjective.isEmpty, subject.noun?.singular != noun.singular else { continue }
      let clause = Clause(
        subject, verb, NounPhrase("the", noun, number(), adjective: adjective),
        draws.chance(50) ? .present : .past)
      var wrong = clause.statement
      wrong.swapAt(wrong.count - 1, wrong.count - 2)
      return (written(clause.statement), written(wrong))
    }
  }

  /// "The dog does not sleep." against "sleeps"; the same in a question.
  mutating func verbFormPair(isQuestion: Bool) -> (good: String, bad: String) {
    var clause = presentClause()
    while ["every", "all", "no", "some", "many"].contains(clause.subject.determiner)
      || ["every", "all", "no", "some"].contains(clause.object?.determiner)
    {
      clause = presentClause()
    }
    let verb = clause.verb!
    if draws.chance(50), verb.past != verb.base { clause.tense = .past }
    clause.isNegated = !isQuestion
    var wrong = clause
    wrong.mainForm = clause.tense == .past ? verb.past : verb.third
    return isQuestion
      ? (written(clause.question, "?"), written(wrong.question, "?"))
      : (written(clause.statement), written(wrong.statement))
  }

  /// "Yesterday the boy ran." against "runs".
  mutating func tenseOfTimePair() -> (good: String, bad: String) {
    var clause = presentClause()
    while clause.verb!.past == clause.verb!.base || clause.verb!.isStative { clause = presentClause() }
    let isPast = draws.chance(50)
    // The time stands first, so what follows it can be foretold.
    clause.opening = draws.pick(isPast ? [["yesterday"], ["last", "week"], ["last", "night"]] : [["now"]])
    clause.tense = isPast ? .past : .presentProgressive
    var wrong = clause
    wrong.tense = isPast ? .present : .pastProgressive
    return (written(clause.statement), written(wrong.statement))
  }

  /// "What does the girl eat?" against "who".
  mutating func questionWordPair() -> (good: String, bad: String) {
    if draws.chance(50) {
      let clause = subjectQuestion()
      return (written(clause.statement, "?"), written(["what"] + clause.statement.dropFirst(), "?"))
    }
    let (word, clause) = objectQuestion()
    let wrong = word == "who" ? "what" : "who"
    return (written([word] + clause.question, "?"), written([wrong] + clause.question, "?"))
  }

  /// "The girl carries the box." against "sleeps the box"; "The girl sleeps." against "carries".
  mutating func transitivityPair() -> (good: String, bad: String) {
    let transitive = draws.pick(Lexicon.alwaysTransitive)
    let other = draws.pick(Lexicon.neverTransitive)
    guard transitive.subjects.contains(.person) || other.subjects.contains(.animal) else {
      return transitivityPair()
    }
    let tense: Clause.Tense = draws.chance(50) ? .present : .past
    let subject = plainSubject(of: transitive)
    var clause: Clause
    if draws.chance(60) {
      clause = Clause(subject, transitive, object(of: transitive, by: subject), tense)
    } else {
      clause = Clause(subject, other, nil, tense)
      if draws.chance(50) { clause.adjuncts = place() }
    }
    var wrong = clause
    wrong.verb = clause.object == nil ? transitive : other
    return (written(clause.statement), written(wrong.statement))
  }

  /// "The teacher reads the book." against "The spoon reads the book."
  mutating func animateSubjectPair() -> (good: String, bad: String) {
    let verb = draws.pick(Lexicon.personal)
    var subject = nounPhrase(Lexicon.people)
    // Another noun might ask for another article.
    if subject.determiner == "a" { subject.determiner = "the" }
    let object = verb.isTransitive ? object(of: verb, by: NounPhrase(pronoun: "you", .plural)) : nil
    let clause = Clause(subject, verb, object, draws.chance(50) ? .present : .past)
    var wrong = clause
    wrong.subject.head = draws.pick(Lexicon.lifeless).form(subject.number)
    return (written(clause.statement), written(wrong.statement))
  }

  /// "The girl eats the apple." against "eats the window".
  mutating func objectSelectionPair() -> (good: String, bad: String) {
    let verb = draws.pick(Lexicon.selective)
    var object = nounPhrase(Lexicon.countNouns(of: verb.objects))
    if object.determiner == "a" { object.determiner = "the" }
    let clause = Clause(plainSubject(of: verb), verb, object, draws.chance(50) ? .present : .past)
    var wrong = clause
    wrong.object!.head = draws.pick(Lexicon.places).form(object.number)
    return (written(clause.statement), written(wrong.statement))
  }
}
