import AntText

/// A number for every objective: one in general, and others for some.
///
///     1e-3                    1e-3 for all
///     1e-3,MLM=2e-3           another for MLM
///     MLM=2e-3                beside what was said before
public struct ObjectiveValues: Sendable, Equatable {
  /// Of every objective that ``own`` does not name.
  public var common: Double
  /// By objective.
  public var own: [String: Double]

  public init(_ common: Double, own: [String: Double] = [:]) {
    self.common = common
    self.own = own
  }

  /// Reads the notation; nil where it is none, or has an objective twice.
  ///
  /// - Parameter former: what goes on where the text names objectives only.
  public init?(_ text: String, over former: ObjectiveValues) {
    guard Self.repeated(in: text) == nil else { return nil }
    self = former
    for (index, part) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false)
      guard let value = sides.last.flatMap({ Double($0) }) else { return nil }
      switch sides.count {
      case 1 where index == 0: self = ObjectiveValues(value)
      case 2 where !sides[0].isEmpty: own[String(sides[0])] = value
      default: return nil
      }
    }
  }

  /// An objective that a text has twice; nil where there is none.
  static func repeated(in text: String) -> String? {
    var names: Set<Substring> = []
    return text.split(separator: ",").lazy.filter { $0.contains("=") }.map { $0.prefix { $0 != "=" } }
      .first { !names.insert($0).inserted }.map(String.init)
  }

  /// The number of `objective`: its own, or the one of all.
  public func value(for objective: String) -> Double { own[objective] ?? common }

  /// The mean over the members of a mixture, by their shares.
  public func mean(over mixture: Mixture) -> Double {
    // A single value is handed on to the bit.
    if own.isEmpty { return common }
    return mixture.members.reduce(0) { $0 + Double($1.share) * value(for: $1.objective) }
      / Double(mixture.total)
  }

  /// All numbers said.
  var all: [Double] { [common] + own.values }
}

extension ObjectiveValues: CustomStringConvertible {
  public var description: String {
    (["\(common)"] + own.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: ",")
  }
}

/// A number where there is but one, else the notation.
extension ObjectiveValues: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self.init(number)
      return
    }
    let text = try container.decode(String.self)
    // 1 is what a weight is where nobody says; a rate is written with its common value.
    if let name = Self.repeated(in: text) {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' has two values for \(name)")
    }
    guard let read = ObjectiveValues(text, over: ObjectiveValues(1)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is no number for every objective, such as 1e-3,MLM=2e-3")
    }
    self = read
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if own.isEmpty { try container.encode(common) } else { try container.encode(description) }
  }
}

extension ObjectiveValues: ExpressibleByFloatLiteral {
  /// The same for all.
  public init(floatLiteral value: Double) { self.init(value) }
}
