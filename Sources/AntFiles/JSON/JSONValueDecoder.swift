/// `Decoder` of one value; see ``JSONReader``.
struct JSONValueDecoder: Decoder, SingleValueDecodingContainer {
  let json: JSON
  let codingPath: [any CodingKey]
  let reader: JSONReader

  var userInfo: [CodingUserInfoKey: Any] { reader.userInfo }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .object(let members) = json else { throw mismatch([String: JSON].self, "an object") }
    return KeyedDecodingContainer(JSONMemberDecoder(members: members, decoder: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .array(let list) = json else { throw mismatch([JSON].self, "a list") }
    return JSONListDecoder(list: list, decoder: self)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  func decodeNil() -> Bool { if case .null = json { true } else { false } }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(type) }

  /// What `type` makes of the value.
  func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
    do {
      return try Value(from: self)
    } catch DecodingError.dataCorrupted(let context)
      where context.codingPath.count == codingPath.count && Value.self is any RawRepresentable.Type
    {
      // The standard library's words are for programmers.
      throw corrupted("\(DecodingError.name(codingPath)) is \(json.kind), which it cannot be", context)
    }
  }

  func child(_ json: JSON, _ key: any CodingKey) -> JSONValueDecoder {
    JSONValueDecoder(json: json, codingPath: codingPath + [key], reader: reader)
  }

  private func corrupted(_ text: String, _ context: DecodingError.Context) -> DecodingError {
    .dataCorrupted(
      .init(codingPath: codingPath, debugDescription: text, underlyingError: context.underlyingError))
  }

  private func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
    let context = DecodingError.Context(
      codingPath: codingPath,
      debugDescription: "\(DecodingError.name(codingPath)) is \(json.kind), not \(expected)")
    return decodeNil() ? .valueNotFound(type, context) : .typeMismatch(type, context)
  }

  func decode(_ type: Bool.Type) throws -> Bool {
    guard case .bool(let value) = json else { throw mismatch(type, "true or false") }
    return value
  }

  func decode(_ type: String.Type) throws -> String {
    guard case .string(let text) = json else { throw mismatch(type, "a text") }
    return text
  }

  func decode(_ type: Double.Type) throws -> Double {
    switch json {
    case .number(let literal):
      if let value = Double(literal), value.isFinite { return value }
    case .string(let text):
      if let infinity = reader.infinity {
        if text == infinity { return .infinity }
        if text == "-" + infinity { return -.infinity }
      }
    default: break
    }
    throw mismatch(type, "a number")
  }

  func decode(_ type: Float.Type) throws -> Float {
    if case .number(let literal) = json {
      guard let value = Float(literal), value.isFinite else { throw mismatch(type, "a number") }
      return value
    }
    return Float(try decode(Double.self))
  }

  /// A whole number, which may be written with a point or an exponent.
  private func whole<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
    guard case .number(let literal) = json,
      let value = Value(literal) ?? Double(literal).flatMap(Value.init(exactly:))
    else { throw mismatch(type, "a whole number") }
    return value
  }

  func decode(_ type: Int.Type) throws -> Int { try whole(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try whole(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try whole(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try whole(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try whole(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try whole(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try whole(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try whole(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try whole(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try whole(type) }
}

extension JSON: Decodable {
  /// The value as it is, from a ``JSONReader``.
  package init(from decoder: any Decoder) throws {
    guard let decoder = decoder as? JSONValueDecoder else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "only a JSONReader reads JSON values"))
    }
    self = decoder.json
  }
}

/// The members of an object.
struct JSONMemberDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let members: JSON.Members
  private let decoder: JSONValueDecoder
  /// Where members are, in an object of many.
  private var places: [ExactText: Int]?

  init(members: JSON.Members, decoder: JSONValueDecoder) {
    self.members = members
    self.decoder = decoder
    if members.list.count > 16 {
      places = Dictionary(members.list.enumerated().map { (ExactText($1.name), $0) }) { $1 }
    }
  }

  private func value(_ name: String) -> JSON? {
    guard let places else { return members[name] }
    return places[ExactText(name)].map { members.list[$0].value }
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var allKeys: [Key] { members.list.compactMap { Key(stringValue: $0.name) } }

  func contains(_ key: Key) -> Bool { value(key.stringValue) != nil }

  private func child(_ key: Key) throws -> JSONValueDecoder {
    guard let value = value(key.stringValue) else {
      throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "absent"))
    }
    return decoder.child(value, key)
  }

  func decodeNil(forKey key: Key) throws -> Bool { try child(key).decodeNil() }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try child(key).value(type)
  }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
    -> KeyedDecodingContainer<Nested>
  {
    try child(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try child(key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { decoder }
  func superDecoder(forKey key: Key) throws -> any Decoder { try child(key) }
}

/// The elements of a list.
struct JSONListDecoder: UnkeyedDecodingContainer {
  private struct Place: CodingKey {
    var intValue: Int?
    var stringValue: String { intValue.map(String.init) ?? "" }
    init(_ place: Int) { intValue = place }
    init?(intValue: Int) { self.intValue = intValue }
    init?(stringValue: String) { nil }
  }

  let list: [JSON]
  let decoder: JSONValueDecoder
  private(set) var currentIndex = 0

  init(list: [JSON], decoder: JSONValueDecoder) {
    self.list = list
    self.decoder = decoder
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var count: Int? { list.count }
  var isAtEnd: Bool { currentIndex == list.count }

  /// What reads the element that comes next.
  private func current() throws -> JSONValueDecoder {
    guard !isAtEnd else {
      throw DecodingError.valueNotFound(
        JSON.self,
        .init(
          codingPath: codingPath,
          debugDescription: "\(DecodingError.name(codingPath)) has only \(list.count) elements"))
    }
    return decoder.child(list[currentIndex], Place(currentIndex))
  }

  mutating func decodeNil() throws -> Bool {
    let isNil = try current().decodeNil()
    if isNil { currentIndex += 1 }
    return isNil
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let value = try current().value(type)
    currentIndex += 1
    return value
  }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
    -> KeyedDecodingContainer<Nested>
  {
    defer { currentIndex += 1 }
    return try current().container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    defer { currentIndex += 1 }
    return try current().unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder {
    defer { currentIndex += 1 }
    return try current()
  }
}
