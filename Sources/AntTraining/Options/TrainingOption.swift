/// One option of a training run, said once: what it is called, what it is where nobody says, how a text gives it and
/// which values it may have. The command line, config.json, recipes, study files and what `--resume` refuses all
/// follow from it.
public struct TrainingOption<Value: Codable & Equatable & Sendable>: Sendable {
  /// As config.json, recipes and study files call it.
  public let name: String
  public let initial: Value
  public let role: TrainingOptionRole
  /// How a program's user is offered it; nil where it is recorded only.
  public let offer: TrainingOptionOffer?
  /// What a text gives, said after another value; nil where it gives none.
  fileprivate let read: @Sendable (_ text: String, _ former: Value) -> Value?
  /// What a text must be that gives no value, where that is no matter of its form.
  fileprivate let textComplaint: @Sendable (_ text: String) -> String?
  /// What it must be where it is not; nil where all is well.
  fileprivate let complaint: @Sendable (Value, TrainingConfiguration) -> String?
  /// Whether a config.json of before there was this option is read all the same.
  fileprivate let mayBeAbsent: Bool

  fileprivate init(
    _ name: String, _ initial: Value, role: TrainingOptionRole, offer: TrainingOptionOffer?,
    mayBeAbsent: Bool = false, read: @escaping @Sendable (String, Value) -> Value?,
    textComplaint: @escaping @Sendable (String) -> String? = { _ in nil },
    complaint: @escaping @Sendable (Value, TrainingConfiguration) -> String?
  ) {
    self.name = name
    self.initial = initial
    self.role = role
    self.offer = offer
    self.mayBeAbsent = mayBeAbsent
    self.read = read
    self.textComplaint = textComplaint
    self.complaint = complaint
  }
}

/// Who decides an option.
public enum TrainingOptionRole: Sendable {
  /// How is trained: recipes and studies may say it.
  case setting
  /// Which run it is: a study decides it for each of its runs.
  case run
  /// Where model and text lie: a run is compared by what these are, not by where.
  case place
  /// Found out when the run begins.
  case record
}

/// How an option is offered to a user: `--lr rate`, and a line of help.
public struct TrainingOptionOffer: Sendable {
  /// Without its dashes.
  public var flag: String
  /// What stands for its value in help; nil for the flag itself.
  public var valueName: String?
  public var help: String
  /// Whether it is given without a value.
  public var isSwitch: Bool
  /// Whether it may be given more than once, each time adding to the last.
  public var isRepeatable: Bool

  public init(
    _ flag: String, _ help: String, valueName: String? = nil, isSwitch: Bool = false,
    isRepeatable: Bool = false
  ) {
    self.flag = flag
    self.help = help
    self.valueName = valueName
    self.isSwitch = isSwitch
    self.isRepeatable = isRepeatable
  }
}

extension TrainingOption {
  typealias Rule = @Sendable (Value, TrainingConfiguration) -> String?

  /// An option that a text gives.
  init(
    _ name: String, _ initial: Value, _ offer: TrainingOptionOffer?, role: TrainingOptionRole = .setting,
    mayBeAbsent: Bool = false, _ complaint: @escaping Rule = { _, _ in nil }
  ) where Value: LosslessStringConvertible {
    self.init(
      name, initial, role: role, offer: offer, mayBeAbsent: mayBeAbsent,
      read: { text, _ in Value(text) }, complaint: complaint)
  }

  /// An option that each objective may have a value of its own for.
  init(
    byObjective name: String, _ initial: Double, _ offer: TrainingOptionOffer, mayBeAbsent: Bool = false,
    expected: String, where isAllowed: @escaping @Sendable (Double) -> Bool
  ) where Value == ObjectiveValues {
    var offer = offer
    offer.isRepeatable = true
    self.init(
      name, ObjectiveValues(initial), role: .setting, offer: offer, mayBeAbsent: mayBeAbsent,
      read: { ObjectiveValues($0, over: $1) },
      textComplaint: { ObjectiveValues.repeated(in: $0).map { "one value for \($0)" } },
      complaint: { values, _ in values.all.allSatisfy(isAllowed) ? nil : expected })
  }

  /// An option that need not be given.
  init<Wrapped: LosslessStringConvertible & Sendable>(
    _ name: String, _ offer: TrainingOptionOffer?, role: TrainingOptionRole = .setting,
    _ complaint: @escaping Rule = { _, _ in nil }
  ) where Value == Wrapped? {
    self.init(
      name, nil, role: role, offer: offer, mayBeAbsent: true, read: { text, _ in Wrapped(text).map { $0 } },
      textComplaint: { Wrapped.self == Int.self && Wrapped($0) == nil ? "a whole number" : nil },
      complaint: complaint)
  }

  /// An option of few values.
  init(
    oneOf name: String, _ initial: Value, _ offer: TrainingOptionOffer, mayBeAbsent: Bool = false,
    _ complaint: @escaping Rule = { _, _ in nil }
  ) where Value: CaseIterable & RawRepresentable<String> {
    var offer = offer
    offer.valueName = Value.allCases.map(\.rawValue).joined(separator: "|")
    self.init(
      name, initial, role: .setting, offer: offer, mayBeAbsent: mayBeAbsent,
      read: { text, _ in Value(rawValue: text) },
      complaint: complaint)
  }

  /// What a run keeps and nobody gives as one text.
  init(kept name: String, _ initial: Value, role: TrainingOptionRole = .record, mayBeAbsent: Bool = false) {
    self.init(
      name, initial, role: role, offer: nil, mayBeAbsent: mayBeAbsent, read: { _, _ in nil },
      complaint: { _, _ in nil })
  }
}

/// A ``TrainingOption``, whatever its value is.
public protocol AnyTrainingOption: Sendable {
  var name: String { get }
  var role: TrainingOptionRole { get }
  var offer: TrainingOptionOffer? { get }

  /// What a configuration has, in words.
  func text(in configuration: TrainingConfiguration) -> String
  /// Whether two configurations agree.
  func agrees(_ a: TrainingConfiguration, _ b: TrainingConfiguration) -> Bool
  /// Takes what a text gives. False, and nothing taken, where it gives no value.
  func take(_ text: String, in configuration: inout TrainingConfiguration) -> Bool
  /// What a text must be that ``take(_:in:)`` refuses, where more can be said than what a value looks like.
  func complaint(aboutText text: String) -> String?
  /// What it must be where it is not.
  func complaint(about configuration: TrainingConfiguration) -> String?

  func encode(
    _ configuration: TrainingConfiguration, to members: inout KeyedEncodingContainer<TrainingOptionKey>)
    throws
  func decode(
    from members: KeyedDecodingContainer<TrainingOptionKey>, to configuration: inout TrainingConfiguration)
    throws
}

extension TrainingOption: AnyTrainingOption {
  public func text(in configuration: TrainingConfiguration) -> String {
    let value = configuration[self]
    return (value as? (any OptionalValue))?.text ?? "\(value)"
  }

  public func agrees(_ a: TrainingConfiguration, _ b: TrainingConfiguration) -> Bool { a[self] == b[self] }

  public func take(_ text: String, in configuration: inout TrainingConfiguration) -> Bool {
    guard let value = read(text, configuration[self]) else { return false }
    configuration[self] = value
    return true
  }

  public func complaint(aboutText text: String) -> String? { textComplaint(text) }

  public func complaint(about configuration: TrainingConfiguration) -> String? {
    complaint(configuration[self], configuration)
  }

  public func encode(
    _ configuration: TrainingConfiguration, to members: inout KeyedEncodingContainer<TrainingOptionKey>
  ) throws {
    let value = configuration[self]
    // An option that is not given is left out.
    if let optional = value as? any OptionalValue, optional.text == nil { return }
    try members.encode(value, forKey: TrainingOptionKey(name))
  }

  public func decode(
    from members: KeyedDecodingContainer<TrainingOptionKey>, to configuration: inout TrainingConfiguration
  ) throws {
    let key = TrainingOptionKey(name)
    if mayBeAbsent {
      configuration[self] = try members.decodeIfPresent(Value.self, forKey: key) ?? initial
    } else {
      configuration[self] = try members.decode(Value.self, forKey: key)
    }
  }
}

/// An optional, whatever it may hold.
private protocol OptionalValue {
  /// Of what it holds; nil where it holds nothing.
  var text: String? { get }
}

extension Optional: OptionalValue {
  fileprivate var text: String? { map { "\($0)" } }
}

/// The name of an option in JSON.
public struct TrainingOptionKey: CodingKey {
  public let stringValue: String
  public var intValue: Int? { nil }

  public init(_ name: String) { stringValue = name }
  public init?(stringValue: String) { self.stringValue = stringValue }
  public init?(intValue: Int) { nil }
}
