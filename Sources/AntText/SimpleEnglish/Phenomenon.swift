/// What a minimal pair tests.
public enum Phenomenon: String, CaseIterable, Sendable {
  case subjectVerbAgreement = "subject_verb_agreement"
  case agreementAcrossPreposition = "agreement_across_prepositional_phrase"
  case agreementAcrossRelative = "agreement_across_relative_clause"
  case auxiliaryAgreement = "auxiliary_agreement"
  case questionAgreement = "question_agreement"
  case existentialAgreement = "existential_agreement"
  case anaphorGender = "anaphor_gender"
  case anaphorNumber = "anaphor_number"
  case pronounGender = "pronoun_gender"
  case pronounCase = "pronoun_case"
  case determinerNoun = "determiner_noun_agreement"
  case determinerAdjectiveNoun = "determiner_noun_agreement_with_adjective"
  case determinerIrregularNoun = "determiner_noun_agreement_irregular"
  case quantifierNumber = "quantifier_number"
  case existentialQuantifier = "existential_quantifier"
  case article = "indefinite_article"
  case adjectiveOrder = "adjective_order"
  case negationForm = "negation_verb_form"
  case questionForm = "question_verb_form"
  case tenseOfTime = "tense_of_time"
  case questionWord = "question_word"
  case transitivity = "transitivity"
  case animateSubject = "animate_subject"
  case objectSelection = "object_selection"

  /// The branch of grammar.
  public var field: String {
    switch self {
    case .subjectVerbAgreement, .agreementAcrossPreposition, .agreementAcrossRelative, .auxiliaryAgreement,
      .questionAgreement, .existentialAgreement, .determinerNoun, .determinerAdjectiveNoun,
      .determinerIrregularNoun, .article, .negationForm, .questionForm, .tenseOfTime:
      "morphology"
    case .anaphorGender, .anaphorNumber, .pronounGender, .pronounCase: "reference"
    case .quantifierNumber, .existentialQuantifier: "quantifiers"
    case .adjectiveOrder, .transitivity, .questionWord: "syntax"
    case .animateSubject, .objectSelection: "meaning"
    }
  }
}
