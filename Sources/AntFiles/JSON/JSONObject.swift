/// One JSON object on one line, its members in the order they were set.
///
/// Numbers are printed so that reading them gives the same bits back; what JSON cannot say (infinities, NaN)
/// becomes null. Equal objects give equal bytes, which `JSONEncoder` does not promise.
public struct JSONObject: Sendable, CustomStringConvertible {
  private var members: [String] = []

  public init() {}

  public mutating func set(_ name: String, _ value: String) {
    add(name, Self.quoted(value))
  }

  public mutating func set(_ name: String, _ value: Int) {
    add(name, String(value))
  }

  public mutating func set(_ name: String, _ value: UInt64) {
    add(name, String(value))
  }

  public mutating func set(_ name: String, _ value: Bool) {
    add(name, String(value))
  }

  public mutating func set(_ name: String, _ value: Float) {
    add(name, value.isFinite ? "\(value)" : "null")
  }

  public mutating func set(_ name: String, _ value: Double) {
    add(name, value.isFinite ? "\(value)" : "null")
  }

  public mutating func set(_ name: String, _ value: JSONObject) {
    add(name, value.description)
  }

  public mutating func set(_ name: String, _ values: [JSONObject]) {
    add(name, "[" + values.map(\.description).joined(separator: ",") + "]")
  }

  public mutating func set(_ name: String, _ values: [String]) {
    add(name, "[" + values.map(Self.quoted).joined(separator: ",") + "]")
  }

  public mutating func set(_ name: String, _ values: [Int]) {
    add(name, "[" + values.map(String.init).joined(separator: ",") + "]")
  }

  public mutating func set(_ name: String, _ values: [UInt64]) {
    add(name, "[" + values.map { String($0) }.joined(separator: ",") + "]")
  }

  public mutating func set(_ name: String, _ values: [Float]) {
    add(name, Self.list(values))
  }

  public mutating func set(_ name: String, _ rows: [[Float]]) {
    add(name, "[" + rows.map(Self.list).joined(separator: ",") + "]")
  }

  private static func list(_ values: [Float]) -> String {
    "[" + values.map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ",") + "]"
  }

  /// Sets nothing where there is no value.
  public mutating func set(_ name: String, _ value: Float?) {
    if let value { set(name, value) }
  }

  /// Sets nothing where there is no value.
  public mutating func set(_ name: String, _ value: Double?) {
    if let value { set(name, value) }
  }

  public var description: String { "{" + members.joined(separator: ",") + "}" }

  private mutating func add(_ name: String, _ value: String) {
    members.append(Self.quoted(name) + ":" + value)
  }

  /// `text` as a JSON string, quotes included.
  public static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.isCommand: quoted += scalar.escaped
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
