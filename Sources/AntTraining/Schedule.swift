import AntText

/// A stretch of training under one objective, or one mixture of several.
public struct Phase: Sendable, Equatable {
  /// How long a phase lasts.
  public enum Duration: Sendable, Equatable {
    case epochs(Int)
    case steps(Int)
  }

  /// What each step trains, as in `4_CLM` or `24_[MNTP:15+CLM:1]`.
  public var mixture: Mixture
  public var duration: Duration

  public init(_ duration: Duration, of mixture: Mixture) {
    self.mixture = mixture
    self.duration = duration
  }
}

extension Phase: CustomStringConvertible {
  /// `4_CLM`, `200s_CLM` or `4_[MLM:3+CLM:1]`.
  public var description: String {
    switch duration {
    case .epochs(let count): "\(count)_\(mixture)"
    case .steps(let count): "\(count)s_\(mixture)"
    }
  }
}

/// Which objective is trained when, in the notation of the AntLM paper (Yu et al. 2024):
///
///     4_CLM+16_MLM+4_CLM      epochs
///     200s_CLM+200s_MLM       steps
///     (1_CLM+3_MLM)*6         repeated; groups nest
///     24_[MNTP:15+CLM:1]      several objectives in every step (see ``Mixture``)
///
/// ``description`` gives the notation back; reading it gives an equal schedule.
public struct Schedule: Sendable, Equatable {
  /// What the notation says, before repeats are written out.
  indirect enum Term: Sendable, Equatable {
    case phase(Phase)
    case sequence([Term])
    case repeated(Term, Int)
  }

  let term: Term
  /// The phases in the order they are trained, repeats written out.
  public let phases: [Phase]

  /// Reads the notation.
  ///
  /// - Parameter objectives: what a phase may name.
  /// - Throws: ``ScheduleError``, which names the column and what was expected there.
  public init(_ notation: String, objectives: Objectives = .standard) throws {
    var parser = ScheduleParser(notation, objectives: objectives.names)
    term = try parser.parse()
    phases = term.phases
  }

  init(term: Term) {
    self.term = term
    phases = term.phases
  }
}

extension Schedule: CustomStringConvertible {
  public var description: String { term.description }
}

extension Schedule.Term: CustomStringConvertible {
  var phases: [Phase] {
    switch self {
    case .phase(let phase): [phase]
    case .sequence(let terms): terms.flatMap(\.phases)
    case .repeated(let term, let count): Array(repeating: term.phases, count: count).flatMap { $0 }
    }
  }

  var description: String {
    switch self {
    case .phase(let phase): phase.description
    case .sequence(let terms):
      terms.map { term in
        if case .sequence = term { return "(\(term))" }
        return term.description
      }.joined(separator: "+")
    case .repeated(let term, let count): "(\(term))*\(count)"
    }
  }
}
