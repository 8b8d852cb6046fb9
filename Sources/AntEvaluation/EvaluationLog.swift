import AntFiles
import AntText
import Foundation

/// `evaluations.jsonl` of a run: what its checkpoints were found to be worth, a line a figure.
///
///     {"kind":"pairs","set":"blimp","checksum":"90d0c2…","scoring":"causal","rule":"2025","phenomenon":"mean",
///      "accuracy":0.61,"pairs":2400,"step":1040}
///
/// Lines are added and never changed; where two tell of the same, the later one holds. Figures of one checksum are
/// of the same items.
public struct EvaluationLog: Sendable {
  /// One figure.
  public struct Record: Codable, Sendable, Equatable {
    /// The phenomenon of the unweighted mean over all phenomena.
    public static let mean = "mean"

    /// What was evaluated: `pairs` for minimal pairs.
    public var kind: String
    /// What the items are called, and what tells them from others; nil where a log does not say.
    public var set: String?
    public var checksum: String?
    /// How the model was read: `causal`, `mlm` or `mntp`.
    public var scoring: String
    /// The year of the BabyLM evaluation whose rule compared; nil where there is no such rule.
    public var rule: String?
    /// What was tested; ``mean`` for the unweighted mean over all.
    public var phenomenon: String
    /// From 0 to 1.
    public var accuracy: Double
    /// How many pairs, or items, it rests on.
    public var pairs: Int
    /// The checkpoint's step.
    public var step: Int
    /// What finding it took; nil where that was not measured by itself.
    public var seconds: Double?

    public init(
      kind: String = "pairs", set: String? = nil, checksum: String? = nil, scoring: String, rule: String?,
      phenomenon: String, accuracy: Double, pairs: Int, step: Int, seconds: Double? = nil
    ) {
      self.kind = kind
      self.set = set
      self.checksum = checksum
      self.scoring = scoring
      self.rule = rule
      self.phenomenon = phenomenon
      self.accuracy = accuracy
      self.pairs = pairs
      self.step = step
      self.seconds = seconds
    }

    var json: JSONObject {
      var object = JSONObject()
      object.set("kind", kind)
      if let set { object.set("set", set) }
      if let checksum { object.set("checksum", checksum) }
      object.set("scoring", scoring)
      if let rule { object.set("rule", rule) }
      object.set("phenomenon", phenomenon)
      object.set("accuracy", accuracy)
      object.set("pairs", pairs)
      object.set("step", step)
      object.set("seconds", seconds)
      return object
    }
  }

  public let url: URL

  /// The log of the run in `folder`; there need not be one yet.
  public init(of folder: URL) { url = folder.appending(path: "evaluations.jsonl") }

  /// Adds `records` at once. A line that a kill left without its end goes; another process that adds to the log is
  /// waited for.
  ///
  /// - Throws: ``FileError``.
  public func append(_ records: [Record]) throws {
    let descriptor = try FileSystem.open(own: url, O_RDWR | O_CREAT)
    defer { close(descriptor) }
    if case .unavailable(let error) = FileLock.take(descriptor, path: url.path, waiting: true) {
      Notices.say("\(error.path) is added to without a lock: \(error.reason); let no other process do so now")
    }
    let data = try FileSystem.read(descriptor, path: url.path)
    let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 - data.startIndex } ?? 0
    guard ftruncate(descriptor, off_t(whole)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw FileError("write", url.path)
    }
    let lines = records.map { "\($0.json)\n" }.joined()
    do {
      try Array(lines.utf8).withUnsafeBytes { try FileSystem.write($0, to: descriptor, path: url.path) }
    } catch {
      ftruncate(descriptor, off_t(whole))
      throw error
    }
    try FileSystem.synchronize(descriptor, path: url.path)
  }

  /// What the log holds; nothing where there is none. A last line without its end is not read.
  ///
  /// - Throws: ``TextFileError/line(path:line:expected:)`` or ``FileError``.
  public func read() throws -> [Record] {
    guard FileSystem.exists(url) else { return [] }
    return try CompleteLines.read(url).map { line in
      let whole =
        "expected {\"kind\", \"scoring\", \"phenomenon\", \"accuracy\" from 0 to 1, \"pairs\", \"step\"}; mend or "
        + "remove the line"
      let record = try JSONReader().decode(
        Record.self, from: line.bytes, number: line.number, of: url.path, whole: whole)
      let wrong =
        (0...1).contains(record.accuracy)
        ? record.pairs < 0
          ? "\"pairs\" is \(record.pairs)" : record.step < 0 ? "\"step\" is \(record.step)" : nil
        : "\"accuracy\" is \(record.accuracy)"
      if let wrong {
        throw TextFileError.line(path: url.path, line: line.number, expected: "\(wrong); \(whole)")
      }
      return record
    }
  }
}
