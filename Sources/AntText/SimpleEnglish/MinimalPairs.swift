/// One good and one bad sentence a phenomenon, from the grammar that writes the corpus.
extension Grammar {
  mutating func pair(_ phenomenon: Phenomenon) -> (good: String, bad: String) {
    switch phenomenon {
    case .subjectVerbAgreement: return agreementPair(presentClause())
    case .agreementAcrossPreposition:
      return agreementPair(modifiedClause { $0.nearby($1.number.other, except: $1.noun) })
    case .agreementAcrossRelative:
      return agreementPair(modifiedClause { $0.relative(for: $1, objectNumber: $1.number.other) })
    case .auxiliaryAgreement: return agreementPair(auxiliaryClause())
    case .questionAgreement: return questionAgreementPair()
    case .existentialAgreement: return agreementPair(existential())
    case .anaphorGender: return anaphorPair(changing: false)
    case .anaphorNumber: return anaphorPair(changing: true)
    case .pronounGender: return pronounGenderPair()
    case .pronounCase: return pronounCasePair()
    case .determinerNoun: return determinerPair(Self.demonstratives)
    case .determinerAdjectiveNoun: return determinerPair(Self.demonstratives, hasAdjective: true)
    case .determinerIrregularNoun:
      return determinerPair(Self.demonstratives) { $0.plural != Inflection.withS($0.singular) }
    case .quantifierNumber: return determinerPair(Self.quantifiers)
    case .existentialQuantifier: return existentialQuantifierPair()
    case .article: return articlePair()
    case .adjectiveOrder: return adjectiveOrderPair()
    case .negationForm: return verbFormPair(isQuestion: false)
    case .questionForm: return verbFormPair(isQuestion: true)
    case .tenseOfTime: return tenseOfTimePair()
    case .questionWord: return questionWordPair()
    case .transitivity: return transitivityPair()
    case .animateSubject: return animateSubjectPair()
    case .objectSelection: return objectSelectionPair()
    }
  }

  private static let demonstratives: KeyValuePairs<String, GrammaticalNumber> = [
    "this": .singular, "that": .singular, "these": .plural, "those": .plural,
  ]
  private static let quantifiers: KeyValuePairs<String, GrammaticalNumber> = [
    "every": .singular, "all": .plural, "many": .plural, "two": .plural, "three": .plural,
  ]
}
