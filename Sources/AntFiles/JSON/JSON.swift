/// A value of a JSON text.
///
/// What Python's `json` writes beyond the standard is read too: NaN, Infinity and -Infinity. They are no numbers, so
/// they harm nothing where nobody asks for them.
package indirect enum JSON: Sendable {
  case null
  case bool(Bool)
  /// As it is written.
  case number(String)
  /// NaN, Infinity or -Infinity.
  case nonFinite(String)
  case string(String)
  case array([JSON])
  case object(Members)

  /// The members of an object in their order, names that are there twice included.
  package struct Members: Sendable {
    package var list: [(name: String, value: JSON)]

    /// The last member of the name, as Python has it.
    package subscript(_ name: String) -> JSON? { list.last { $0.name.isExactly(name) }?.value }
  }

  /// - Throws: ``JSONSyntaxError``
  package init(_ bytes: some Sequence<UInt8>) throws {
    self = try Array(bytes).withUnsafeBufferPointer { bytes in
      var parser = JSONParser(bytes)
      return try parser.parse()
    }
  }

  /// What it is, for sentences about what it should be.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let literal), .nonFinite(let literal): literal
    case .string(let text): JSONObject.quoted(text.count > 40 ? text.prefix(40) + "…" : text)
    case .array: "a list"
    case .object: "an object"
    }
  }
}

/// A text that is no JSON, in words that follow "it is".
package struct JSONSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
  package var problem: String
  /// From 0.
  package var offset: Int

  package var description: String { "no JSON: \(problem) at byte \(offset)" }
}
