import AntFiles
import AntText
import Foundation

/// Labelled texts, or pairs of them, from a file of one JSON object a line:
///
///     {"sentence1": …, "sentence2": …, "label": 1, "idx": 0}
///
/// Which fields there are is the task's matter (see ``ClassificationTask``).
public struct ClassificationExamples: Sendable {
  public struct Example: Sendable, Equatable {
    public var first: String
    /// Of a pair.
    public var second: String?
    /// Nil where labels were not asked for.
    public var label: Int?
    /// `idx` as JSON: a number as a rule, in MultiRC an object; the number of the example, from 0, where it is
    /// absent.
    public var index: String
  }

  public let file: String
  public private(set) var examples: [Example]

  /// - Parameter labelled: whether each line must have a label; otherwise those that are there are passed over.
  /// - Throws: ``TextFileError`` or `FileError`.
  public init(_ path: String, _ task: ClassificationTask, labelled: Bool = true) throws {
    file = path
    examples = []
    let decoder = JSONDecoder()
    decoder.userInfo = [.task: task, .isLabelled: labelled]
    for line in try TextLines(path).lines {
      do {
        let decoded = try decoder.decode(Line.self, from: Data(line.text.utf8))
        examples.append(
          Example(
            first: decoded.first, second: decoded.second, label: decoded.label,
            index: decoded.index ?? "\(examples.count)"))
      } catch {
        throw TextFileError.line(
          path: path, line: line.number, expected: Self.problem(error, task, labelled: labelled))
      }
    }
  }

  /// Keeps the first `limit`.
  public mutating func limit(_ limit: Int) { examples = Array(examples.prefix(limit)) }

  /// What is submitted: a line `{"idx":…,"pred":…}` for each example.
  public func predictionLines(_ labels: [Int]) -> String {
    zip(examples, labels).map { "{\"idx\":\($0.index),\"pred\":\($1)}\n" }.joined()
  }

  /// What is wrong with a line, for the user.
  private static func problem(_ error: any Error, _ task: ClassificationTask, labelled: Bool) -> String {
    let members = (task.fields + (labelled ? ["label"] : [])).map { "\"\($0)\"" }
    let whole = "a line of \(task.rawValue) is a JSON object with " + members.joined(separator: ", ")
    switch error {
    case DecodingError.keyNotFound(let key, _): return "no \"\(key.stringValue)\"; \(whole)"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      guard let name = context.codingPath.first?.stringValue else { return "not a JSON object; \(whole)" }
      return name == "label"
        ? "\"label\" is not one of the whole numbers 0 to \(task.labels - 1)"
        : "\"\(name)\" is not \(name == "idx" ? "a number, a text or an object of numbers" : "a text"); \(whole)"
    default: return "not a JSON object; \(whole)"
    }
  }

  /// One line, its fields by name.
  private struct Line: Decodable {
    var first: String
    var second: String?
    var label: Int?
    var index: String?

    struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      guard let task = decoder.userInfo[.task] as? ClassificationTask else {
        preconditionFailure("ClassificationExamples: a decoder without its task")
      }
      let members = try decoder.container(keyedBy: Key.self)
      func text(_ text: ClassificationTask.Text) throws -> String {
        text(try text.fields.map { try members.decode(String.self, forKey: Key(stringValue: $0)) })
      }
      first = try text(task.texts.first)
      second = try task.texts.second.map(text)
      if decoder.userInfo[.isLabelled] as? Bool == true { label = try Self.label(in: members, of: task) }
      let place = Key(stringValue: "idx")
      guard members.contains(place) else { return }
      if let number = try? members.decode(Int.self, forKey: place) {
        index = "\(number)"
      } else if let name = try? members.decode(String.self, forKey: place) {
        index = JSONObject.quoted(name)
      } else {
        let parts = try members.decode([String: Int].self, forKey: place).sorted { $0.key < $1.key }
        var object = JSONObject()
        for part in parts { object.set(part.key, part.value) }
        index = object.description
      }
    }

    private static func label(in members: KeyedDecodingContainer<Key>, of task: ClassificationTask) throws
      -> Int
    {
      let key = Key(stringValue: "label")
      guard members.contains(key) else {
        throw DecodingError.keyNotFound(key, .init(codingPath: [], debugDescription: "absent"))
      }
      // A fraction is reported without its place.
      guard let number = try? members.decode(Int.self, forKey: key), (0..<task.labels).contains(number) else {
        throw DecodingError.dataCorruptedError(forKey: key, in: members, debugDescription: "out of range")
      }
      return number
    }
  }
}

extension CodingUserInfoKey {
  fileprivate static let task = CodingUserInfoKey(rawValue: "task")!
  fileprivate static let isLabelled = CodingUserInfoKey(rawValue: "isLabelled")!
}
