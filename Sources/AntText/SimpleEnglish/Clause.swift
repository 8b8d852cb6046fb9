/// One clause, from which a statement and a question are written.
///
/// A minimal pair is a clause written twice: as it is, and with one feature changed.
struct Clause: Sendable {
  enum Tense: Sendable, Equatable {
    case present, past, presentProgressive, pastProgressive
    case modal(String)
  }

  /// Before the subject: "Yesterday".
  var opening: [String] = []
  var subject: NounPhrase
  /// The number that the finite verb shows.
  var agreement: GrammaticalNumber
  /// nil for "be", with `complement` as what the subject is.
  var verb: Verb?
  var tense: Tense
  var isNegated = false
  /// Replaces the form of the main verb.
  var mainForm: String?
  var object: NounPhrase?
  var complement: [String] = []
  /// After all else: place, manner, time.
  var adjuncts: [String] = []

  init(_ subject: NounPhrase, _ verb: Verb, _ object: NounPhrase? = nil, _ tense: Tense) {
    self.subject = subject
    self.agreement = subject.number
    self.verb = verb
    self.object = object
    self.tense = tense
  }

  /// "The dog is happy."
  init(_ subject: NounPhrase, is complement: [String], _ tense: Tense = .present) {
    self.subject = subject
    self.agreement = subject.number
    self.tense = tense
    self.complement = complement
  }

  /// Words without final punctuation.
  var statement: [String] {
    var words = opening
    words += subject.words
    let (auxiliary, main) = verbForms(needsAuxiliary: isNegated)
    if let auxiliary {
      words += isNegated ? Self.negated(auxiliary) : [auxiliary]
    }
    if let main { words.append(main) }
    return words + rest
  }

  /// The question whether it is so.
  var question: [String] {
    let (auxiliary, main) = verbForms(needsAuxiliary: true)
    var words = [auxiliary ?? ""] + subject.words
    if isNegated { words.append("not") }
    if let main { words.append(main) }
    return words + rest
  }

  /// The auxiliary that a short answer repeats: "Yes, it does."
  var auxiliary: String { verbForms(needsAuxiliary: true).auxiliary ?? "" }

  private var rest: [String] { (object?.words ?? []) + complement + adjuncts }

  private static func negated(_ auxiliary: String) -> [String] {
    auxiliary == "can" ? ["cannot"] : [auxiliary, "not"]
  }

  /// The finite auxiliary, if there is one, and the main verb, if it is not "be".
  private func verbForms(needsAuxiliary: Bool) -> (auxiliary: String?, main: String?) {
    let plural = agreement == .plural
    guard let verb else {
      switch tense {
      case .past, .pastProgressive: return (plural ? "were" : "was", nil)
      case .modal(let modal): return (modal, "be")
      default: return (plural ? "are" : "is", nil)
      }
    }
    switch tense {
    case .present where !needsAuxiliary: return (nil, mainForm ?? verb.present(agreement))
    case .present: return (plural ? "do" : "does", mainForm ?? verb.base)
    case .past where !needsAuxiliary: return (nil, mainForm ?? verb.past)
    case .past: return ("did", mainForm ?? verb.base)
    case .presentProgressive: return (plural ? "are" : "is", mainForm ?? verb.progressive)
    case .pastProgressive: return (plural ? "were" : "was", mainForm ?? verb.progressive)
    case .modal(let modal): return (modal, mainForm ?? verb.base)
    }
  }
}

/// Words as a reader sees them: a capital first, the punctuation on the last word.
func written(_ words: [String], _ end: Character = ".") -> String {
  var text = ""
  text.reserveCapacity(64)
  for word in words {
    if text.isEmpty {
      text += word.prefix(1).uppercased()
      text += word.dropFirst()
    } else {
      text += " "
      text += word
    }
  }
  text.append(end)
  return text
}
