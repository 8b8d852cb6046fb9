/// Two to four sentences about the same people and things, with pronouns that point back.
extension Grammar {
  mutating func story() -> [String] {
    switch draws.below(8) {
    case 0: pet()
    case 1: find()
    case 2: need()
    case 3: search()
    case 4: visit()
    case 5: whereIsIt()
    case 6: answer()
    default: chase()
    }
  }

  /// A sentence with a pronoun as its subject.
  private func says(_ pronoun: NounPhrase, _ verb: String, _ object: NounPhrase? = nil, _ rest: [String] = [])
    -> String
  {
    written(pronoun.words + [verb] + (object?.words ?? []) + rest)
  }

  private mutating func someone() -> NounPhrase {
    if draws.chance(60) { return name() }
    return NounPhrase("the", draws.pick(Lexicon.genderedPeople), .singular)
  }

  /// "Anna has a small dog. It sleeps in the kitchen. She feeds it every day."
  mutating func pet() -> [String] {
    let owner = someone()
    let she = owner.subjectPronoun!
    let number: GrammaticalNumber = draws.chance(70) ? .singular : .plural
    let animal = draws.pick(Lexicon.pets)
    let pet = NounPhrase(
      number == .singular ? "a" : "two", animal, number, adjective: adjective(for: animal))
    let plural = number == .plural
    var lines = [written(Clause(owner, Lexicon.have, pet, .present).statement)]
    let verb = draws.pick(Lexicon.animalPastimes)
    lines.append(written(Clause(pet.subjectPronoun!, verb, nil, .present).statement + place()))
    if draws.chance(70) {
      let care = draws.pick(Lexicon.care)
      lines.append(
        written(Clause(she, care, pet.objectPronoun!, .present).statement + draws.pick(Lexicon.presentTimes)))
    }
    if draws.chance(50) {
      lines.append(written([plural ? "they" : "it", plural ? "are" : "is"] + ["very", "happy"]))
    }
    return lines
  }

  /// "Tom found a red ball in the garden. He threw it. It was broken."
  mutating func find() -> [String] {
    let finder = someone()
    let noun = draws.pick(Lexicon.things)
    let number: GrammaticalNumber = draws.chance(70) ? .singular : .plural
    let thing = NounPhrase(number == .singular ? "a" : "some", noun, number, adjective: adjective(for: noun))
    let found = draws.pick(["found", "saw", "bought"])
    var lines = [written(finder.words + [found] + thing.words + place())]
    let verb = draws.pick(Lexicon.uses(of: noun))
    lines.append(says(finder.subjectPronoun!, verb.past, thing.objectPronoun!))
    if draws.chance(50) {
      let mood = draws.pick(["happy", "very happy", "tired", "hungry"])
      lines.append(says(finder.subjectPronoun!, "was", nil, [mood]))
    }
    return lines
  }

  /// "The girl is hungry. She eats two apples. Now she is not hungry."
  mutating func need() -> [String] {
    let person = someone()
    let she = person.subjectPronoun!
    let (feeling, remedy): (String, [String])
    switch draws.below(3) {
    case 0:
      feeling = "hungry"
      let food = draws.pick(Lexicon.countNouns(of: .food))
      let number = number()
      let phrase = NounPhrase(number == .singular ? "a" : draws.pick(["two", "some"]), food, number)
      remedy = ["eats"] + phrase.words
    case 1:
      feeling = "thirsty"
      remedy = ["drinks", "some", draws.pick(Lexicon.nouns(of: .drink)).singular]
    default:
      feeling = "tired"
      remedy = [draws.pick(["sleeps", "rests"])] + place()
    }
    var lines = [written(person.words + ["is", feeling]), written(she.words + remedy)]
    if draws.chance(60) { lines.append(written(["now"] + she.words + ["is", "not", feeling])) }
    return lines
  }

  /// "Ben lost the key. He looked under the table. He did not find it there. It was in the box."
  mutating func search() -> [String] {
    let person = someone()
    let he = person.subjectPronoun!
    let thing = NounPhrase("the", draws.pick(Lexicon.things), draws.chance(75) ? .singular : .plural)
    let first = spot()
    var second = spot()
    while second == first { second = spot() }
    let it = thing.objectPronoun!
    let was = thing.number == .singular ? "was" : "were"
    var lines = [written(person.words + ["lost"] + thing.words), written(he.words + ["looked"] + first)]
    if draws.chance(50) {
      lines.append(written(he.words + ["did", "not", "find"] + it.words + ["there"]))
      lines.append(written(thing.subjectPronoun!.words + [was] + second))
    } else {
      lines.append(written(he.words + ["found"] + it.words + ["there"]))
    }
    return lines
  }

  /// "Lucy visits Ben. They play in the park. He gives her a kite. She thanks him."
  mutating func visit() -> [String] {
    let (guest, host) = names()
    var lines = [written(guest.words + ["visits"] + host.words)]
    let verb = draws.pick(Lexicon.personPastimes)
    lines.append(written(["they", verb.base] + place()))
    // Only where the pronouns tell the two apart.
    if guest.gender != host.gender, draws.chance(70) {
      let gift = draws.pick(Lexicon.gifts)
      let phrase = NounPhrase("a", gift, .singular, adjective: adjective(for: gift))
      let (he, her) = (host.subjectPronoun!, guest.objectPronoun!)
      lines.append(written(he.words + ["gives"] + her.words + phrase.words))
      lines.append(
        written(guest.subjectPronoun!.words + [draws.pick(["thanks", "hugs"])] + host.objectPronoun!.words))
    }
    return lines
  }

  /// "Where are the keys? They are in the basket."
  mutating func whereIsIt() -> [String] {
    let thing = NounPhrase("the", draws.pick(Lexicon.things), number())
    let verb = thing.number == .singular ? "is" : "are"
    return [
      written(["where", verb] + thing.words, "?"),
      written(thing.subjectPronoun!.words + [verb] + spot()),
    ]
  }

  /// "Does the dog sleep? No, it does not."
  mutating func answer() -> [String] {
    while true {
      let clause = yesNoQuestion()
      guard clause.subject.head != "you", clause.subject.head != "we",
        let pronoun = clause.subject.subjectPronoun
      else { continue }
      let yes = draws.chance(50)
      let auxiliary = clause.auxiliary
      let no = auxiliary == "can" ? ["cannot"] : [auxiliary, "not"]
      return [
        written(clause.question, "?"),
        written([yes ? "yes," : "no,"] + pronoun.words + (yes ? [auxiliary] : no)),
      ]
    }
  }

  /// "Two dogs see a cat. They chase it. It climbs a tree."
  mutating func chase() -> [String] {
    let hunter = draws.pick(Lexicon.hunters)
    let prey = draws.pick(Lexicon.prey)
    let hunters = number()
    let preys = hunters.other
    let one = NounPhrase(
      hunters == .singular ? "a" : "two", hunter, hunters, adjective: adjective(for: hunter))
    let other = NounPhrase(preys == .singular ? "a" : "three", prey, preys)
    var lines = [written(Clause(one, Lexicon.see, other, .present).statement)]
    lines.append(
      written(Clause(one.subjectPronoun!, Lexicon.chase, other.objectPronoun!, .present).statement))
    let end = draws.pick([Lexicon.hide, Lexicon.run])
    lines.append(written(Clause(other.subjectPronoun!, end, nil, .present).statement + place()))
    return lines
  }
}
