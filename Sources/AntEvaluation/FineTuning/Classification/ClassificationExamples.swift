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
    let reader = JSONReader(userInfo: [.task: task, .isLabelled: labelled])
    let members = (task.fields + (labelled ? ["label"] : [])).map { "\"\($0)\"" }
    let whole = "a line of \(task.rawValue) is a JSON object with " + members.joined(separator: ", ")
    for line in try TextLines(path).lines {
      let read = try reader.decode(
        Line.self, from: line.text.utf8, number: line.number, of: path, whole: whole)
      examples.append(
        Example(
          first: read.first, second: read.second, label: read.label, index: read.index ?? "\(examples.count)")
      )
    }
  }

  /// Keeps the first `limit`.
  public mutating func limit(_ limit: Int) { examples = Array(examples.prefix(limit)) }

  /// What is submitted: a line `{"idx":…,"pred":…}` for each example.
  public func predictionLines(_ labels: [Int]) -> String {
    zip(examples, labels).map { "{\"idx\":\($0.index),\"pred\":\($1)}\n" }.joined()
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
      switch try members.decodeIfPresent(JSON.self, forKey: place) {
      case nil: break
      case .number: index = "\(try members.decode(Int.self, forKey: place))"
      case .string(let name): index = JSONObject.quoted(name)
      case .object:
        let parts = try members.decode([ExactText: Int].self, forKey: place)
        var object = JSONObject()
        for part in parts.sorted(by: { $0.key.text < $1.key.text }) { object.set(part.key.text, part.value) }
        index = object.description
      case let other?:
        throw DecodingError.dataCorruptedError(
          forKey: place, in: members,
          debugDescription: "\"idx\" is \(other.kind), not a number, a text or an object of numbers")
      }
    }

    private static func label(in members: KeyedDecodingContainer<Key>, of task: ClassificationTask) throws
      -> Int
    {
      let key = Key(stringValue: "label")
      // A label that is no whole number is told with those that are labels.
      guard let number = try? members.decode(Int.self, forKey: key), (0..<task.labels).contains(number) else {
        let found = try members.decode(JSON.self, forKey: key)
        throw DecodingError.dataCorruptedError(
          forKey: key, in: members,
          debugDescription: "\"label\" is \(found.kind), not one of the whole numbers 0 to \(task.labels - 1)"
        )
      }
      return number
    }
  }
}

extension CodingUserInfoKey {
  fileprivate static let task = CodingUserInfoKey(rawValue: "task")!
  fileprivate static let isLabelled = CodingUserInfoKey(rawValue: "isLabelled")!
}
