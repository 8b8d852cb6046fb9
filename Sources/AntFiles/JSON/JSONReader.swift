import Foundation

/// Makes values of JSON, as `JSONDecoder` does, apart from what that cannot: NaN and Infinity stand where nobody
/// reads them, names that are canonically equivalent are two names, and what is wrong is said by name (see
/// `DecodingError.problem`). Of members of one name the last counts, as in Python.
package struct JSONReader {
  /// The text that stands for infinity where a number belongs, and after a minus for its opposite.
  package var infinity: String?
  package var userInfo: [CodingUserInfoKey: any Sendable] = [:]

  package init(infinity: String? = nil, userInfo: [CodingUserInfoKey: any Sendable] = [:]) {
    self.infinity = infinity
    self.userInfo = userInfo
  }

  /// - Throws: `DecodingError`
  package func decode<Value: Decodable>(_ type: Value.Type, from data: some Sequence<UInt8>) throws -> Value {
    let json: JSON
    do {
      json = try JSON(data)
    } catch let error as JSONSyntaxError {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "\(error)", underlyingError: error))
    }
    return try decode(type, from: json)
  }

  /// As ``decode(_:from:)``, of a text that was read before.
  package func decode<Value: Decodable>(_ type: Value.Type, from json: JSON) throws -> Value {
    try JSONValueDecoder(json: json, codingPath: [], reader: self).value(type)
  }
}

extension DecodingError {
  /// What is wrong in a few words, the member named: `"label" is NaN, not a whole number`.
  package var problem: String {
    switch self {
    case .keyNotFound(let key, let context):
      "no \"\(key.stringValue)\"" + (context.codingPath.isEmpty ? "" : " in \(Self.name(context.codingPath))")
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      context.debugDescription
    @unknown default: "what it should not be"
    }
  }

  /// A value by the members that lead to it.
  static func name(_ path: [any CodingKey]) -> String {
    path.isEmpty
      ? "it"
      : "\"" + path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".") + "\""
  }
}
