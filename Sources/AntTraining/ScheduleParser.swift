import AntText

/// A schedule that cannot be read.
public struct ScheduleError: Error, Equatable, Sendable, CustomStringConvertible {
  public var notation: String
  /// From 1.
  public var column: Int
  /// What was expected there, or what is wrong.
  public var reason: String

  public var description: String {
    "schedule '\(notation)', column \(column): \(reason); write it like 4_CLM+16_MLM+4_CLM, "
      + "200s_CLM+200s_MLM, (1_CLM+3_MLM)*6 or 24_[MLM:3+CLM:1]"
  }
}

/// Reads the notation of ``Schedule`` by recursive descent:
///
///     schedule = term { "+" term }
///     term     = phase | "(" schedule ")" [ "*" count ]
///     phase    = count [ "s" ] "_" ( objective | "[" mixture "]" )
///     mixture  = objective [ ":" share ] { "+" objective [ ":" share ] }
///
/// Spaces may stand between any two of these. Counts, the phases written out, and the depth of groups are
/// bounded, so that no notation can make the program run out of memory or of stack.
struct ScheduleParser {
  static let largestCount = 1_000_000_000
  static let mostPhases = 10_000
  static let deepestGroup = 32

  private let notation: String
  private let characters: [Character]
  private let objectives: [String]
  private var position = 0
  private var depth = 0

  init(_ notation: String, objectives: [String]) {
    self.notation = notation
    characters = Array(notation)
    self.objectives = objectives
  }

  mutating func parse() throws -> Schedule.Term {
    let (term, _) = try sequence()
    if let character = next() {
      throw failure(
        character == ")" ? "a ')' without its '('" : "expected '+' or the end, found '\(character)'")
    }
    return term
  }

  /// A mixture and nothing else.
  mutating func parseMixture() throws -> Mixture {
    let mixture = try mixture()
    if let character = next() { throw failure("expected the end, found '\(character)'") }
    return mixture
  }

  /// A sequence and how many phases it holds when written out.
  private mutating func sequence() throws -> (Schedule.Term, phases: Int) {
    var terms: [Schedule.Term] = []
    var phases = 0
    repeat {
      let column = position
      let (term, count) = try self.term()
      terms.append(term)
      phases += count
      try requireFew(phases, at: column)
    } while accept("+")
    return (terms.count == 1 ? terms[0] : .sequence(terms), phases)
  }

  private mutating func term() throws -> (Schedule.Term, phases: Int) {
    guard let character = next() else {
      throw failure("expected a phase such as 4_CLM or '(', found the end")
    }
    if character != "(" { return (.phase(try phase()), 1) }
    guard depth < Self.deepestGroup else { throw failure("groups nest deeper than \(Self.deepestGroup)") }
    position += 1
    depth += 1
    let (inner, phases) = try sequence()
    depth -= 1
    guard accept(")") else { throw failure("expected '+' or ')', found \(found())") }
    guard accept("*") else { return (inner, phases) }
    _ = next()
    let column = position
    let count = try self.count("how often to repeat")
    let (product, overflow) = phases.multipliedReportingOverflow(by: count)
    try requireFew(overflow ? .max : product, at: column)
    return (.repeated(inner, count), product)
  }

  private mutating func phase() throws -> Phase {
    let count = try self.count("a count of epochs, or of steps with 's',")
    let steps = accept("s")
    guard accept("_") else {
      throw failure("expected '_' and an objective after the count, found \(found())")
    }
    return Phase(steps ? .steps(count) : .epochs(count), of: try mixture())
  }

  private mutating func mixture() throws -> Mixture {
    guard accept("[") else { return Mixture(try objective()) }
    var members: [Mixture.Member] = []
    repeat {
      _ = next()
      let start = position
      let name = try objective()
      guard !members.contains(where: { $0.objective == name }) else {
        position = start
        throw failure("\(name) stands twice in one mixture; give it the sum of its shares")
      }
      let share =
        accept(":")
        ? try count("the share of \(name), a whole number", upTo: Mixture.largestShare) : 1
      members.append(.init(name, share: share))
      guard members.count <= Mixture.mostMembers else {
        throw failure("more than \(Mixture.mostMembers) objectives in one mixture")
      }
    } while accept("+")
    guard accept("]") else { throw failure("expected ':', '+' or ']', found \(found())") }
    return Mixture(members)
  }

  private mutating func objective() throws -> String {
    _ = next()
    let start = position
    while position < characters.count, characters[position].isLetter || characters[position].isNumber {
      position += 1
    }
    let name = String(characters[start..<position])
    guard objectives.contains(name) else {
      position = start
      throw failure(
        "expected one of \(objectives.joined(separator: ", ")), found \(name.isEmpty ? found() : "'\(name)'")"
      )
    }
    return name
  }

  private mutating func count(_ what: String, upTo largest: Int = Self.largestCount) throws -> Int {
    _ = next()
    let start = position
    while position < characters.count, let digit = characters[position].asciiValue, (48...57).contains(digit)
    {
      position += 1
    }
    guard position > start else { throw failure("expected \(what) found \(found())") }
    let digits = String(characters[start..<position])
    guard let value = Int(digits), (1...largest).contains(value) else {
      position = start
      throw failure("expected \(what) from 1 to \(largest), found \(digits)")
    }
    return value
  }

  private func requireFew(_ phases: Int, at column: Int) throws {
    guard phases <= Self.mostPhases else {
      throw ScheduleError(
        notation: notation, column: column + 1,
        reason: "more than \(Self.mostPhases) phases when the repeats are written out")
    }
  }

  /// The next character that is not a space; `position` is left on it.
  private mutating func next() -> Character? {
    while position < characters.count, characters[position] == " " { position += 1 }
    return position < characters.count ? characters[position] : nil
  }

  private mutating func accept(_ character: Character) -> Bool {
    guard next() == character else { return false }
    position += 1
    return true
  }

  private func found() -> String {
    position < characters.count ? "'\(characters[position])'" : "the end"
  }

  private func failure(_ reason: String) -> ScheduleError {
    ScheduleError(notation: notation, column: position + 1, reason: reason)
  }
}

extension Mixture {
  /// Reads what a phase of a schedule trains: `CLM` or `[MLM:3+CLM:1]`.
  ///
  /// - Parameter objectives: what it may name.
  /// - Throws: ``ScheduleError``.
  public init(notation: String, objectives: Objectives = .standard) throws {
    var parser = ScheduleParser(notation, objectives: objectives.names)
    self = try parser.parseMixture()
  }
}
