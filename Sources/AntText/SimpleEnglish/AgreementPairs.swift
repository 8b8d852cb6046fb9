/// Pairs about what must agree: subject and verb, determiner and noun, a question and its verb.
extension Grammar {
  /// A clause and what the same clause says with another number on its verb.
  func agreementPair(_ clause: Clause) -> (good: String, bad: String) {
    var wrong = clause
    wrong.agreement = clause.agreement.other
    return (written(clause.statement), written(wrong.statement))
  }

  /// A clause in the simple present whose subject is a bare name or noun phrase.
  mutating func presentClause(_ subject: NounPhrase? = nil) -> Clause {
    if draws.chance(35) {
      let verb = draws.pick(Lexicon.animateIntransitives)
      var clause = Clause(subject ?? plainSubject(of: verb), verb, nil, .present)
      if draws.chance(50) { clause.adjuncts = place() }
      return clause
    }
    let verb = draws.pick(Lexicon.transitives)
    let subject = subject ?? plainSubject(of: verb)
    return Clause(subject, verb, object(of: verb, by: subject), .present)
  }

  mutating func plainSubject(of verb: Verb) -> NounPhrase {
    if verb.subjects.contains(.person), draws.chance(20) { return name() }
    return nounPhrase(Lexicon.countNouns(of: verb.subjects))
  }

  /// A person between whom and the verb there will stand something.
  mutating func modifiedClause(_ modifier: (inout Grammar, NounPhrase) -> [String]) -> Clause {
    let verb = draws.pick(Lexicon.personVerbs)
    let number: GrammaticalNumber = draws.chance(50) ? .singular : .plural
    var subject = NounPhrase(
      number == .singular ? draws.pick(["the", "this", "a"]) : draws.pick(["the", "these", "some"]),
      draws.pick(Lexicon.people), number)
    subject.modifier = modifier(&self, subject)
    let object = verb.isTransitive ? object(of: verb, by: NounPhrase(pronoun: "you", .plural)) : nil
    return Clause(subject, verb, object, .present)
  }

  /// "The dogs are happy.", "The girl is eating an apple."
  mutating func auxiliaryClause() -> Clause {
    if draws.chance(40) {
      var subject = nounPhrase(Lexicon.beings)
      subject.adjective = ""
      return Clause(subject, is: [adjective(for: subject.noun!)], draws.chance(50) ? .present : .past)
    }
    var clause = presentClause()
    while clause.verb!.isStative { clause = presentClause() }
    clause.tense = draws.chance(50) ? .presentProgressive : .pastProgressive
    return clause
  }

  /// "Does the dog sleep?"
  mutating func questionAgreementPair() -> (good: String, bad: String) {
    var clause = presentClause()
    while ["every", "all", "no", "some", "many"].contains(clause.subject.determiner) {
      clause = presentClause()
    }
    var wrong = clause
    wrong.agreement = clause.agreement.other
    return (written(clause.question, "?"), written(wrong.question, "?"))
  }

  /// "Anna sees these dogs.", with the noun in the other number in the bad sentence.
  mutating func determinerPair(
    _ determiners: KeyValuePairs<String, GrammaticalNumber>, hasAdjective: Bool = false,
    among candidates: (Noun) -> Bool = { _ in true }
  ) -> (good: String, bad: String) {
    while true {
      let verb = draws.pick(Lexicon.transitives)
      let nouns = Lexicon.countNouns(of: verb.objects).filter(candidates)
      guard !nouns.isEmpty else { continue }
      let (determiner, number) = determiners[draws.below(determiners.count)]
      let noun = draws.pick(nouns)
      var subject = plainSubject(of: verb)
      if !subject.determiner.isEmpty { subject.determiner = "the" }
      guard subject.noun?.singular != noun.singular else { continue }
      let adjective = hasAdjective ? adjective(for: noun) : ""
      if hasAdjective && adjective.isEmpty { continue }
      let clause = Clause(
        subject, verb, NounPhrase(determiner, noun, number, adjective: adjective),
        draws.chance(50) ? .present : .past)
      var wrong = clause
      wrong.object!.head = noun.form(number.other)
      return (written(clause.statement), written(wrong.statement))
    }
  }

  /// "Tom eats an apple." against "a apple".
  mutating func articlePair() -> (good: String, bad: String) {
    while true {
      let verb = draws.pick(Lexicon.transitives)
      let nouns = Lexicon.countNouns(of: verb.objects)
      guard !nouns.isEmpty else { continue }
      let noun = draws.pick(nouns)
      let adjective = draws.chance(50) ? adjective(for: noun) : ""
      let next = adjective.isEmpty ? noun.singular : adjective
      // Half of the pairs ask for "an", though few words do.
      guard Inflection.startsWithVowel(next) || draws.chance(15) else { continue }
      let subject = plainSubject(of: verb)
      guard subject.noun?.singular != noun.singular else { continue }
      let clause = Clause(
        subject, verb, NounPhrase("a", noun, .singular, adjective: adjective),
        draws.chance(50) ? .present : .past)
      var wrong = clause.statement
      // The article is the first word of the object, which ends the clause.
      let place = wrong.count - (adjective.isEmpty ? 2 : 3)
      wrong[place] = wrong[place] == "a" ? "an" : "a"
      return (written(clause.statement), written(wrong))
    }
  }
}
