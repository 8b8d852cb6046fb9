import AntText

/// A stretch of training under one objective.
public struct Phase: Sendable, Equatable {
  /// How long a phase lasts.
  public enum Duration: Sendable, Equatable {
    case epochs(Int)
    case steps(Int)
  }

  /// The objective's name, as in `4_CLM`.
  public var objective: String
  public var duration: Duration

  public init(_ duration: Duration, of objective: String) {
    self.objective = objective
    self.duration = duration
  }
}

extension Phase: CustomStringConvertible {
  /// `4_CLM` or `200s_CLM`.
  public var description: String {
    switch duration {
    case .epochs(let count): "\(count)_\(objective)"
    case .steps(let count): "\(count)s_\(objective)"
    }
  }
}

/// Which objective is trained when, in the notation of the AntLM paper (Yu et al. 2024):
///
///     4_CLM+16_MLM+4_CLM      epochs
///     200s_CLM+200s_MLM       steps
///     (1_CLM+3_MLM)*6         repeated; groups nest
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
