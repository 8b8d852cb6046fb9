import AntFiles
import Foundation

/// What a run says of one step: a line of `metrics.jsonl`, written and read. TensorBoard's files, reports and studies
/// take theirs from it.
///
///     {"step":8,"epoch":1,"phase":1,"objective":"CLM","loss":5.1,"gradientNorm":1.2,"learningRate":1e-3,
///      "devLossCLM":5.2,"devLossMLM":6.0,"tokensPerSecond":35171.0,"secondsElapsed":12.5}
///
/// What is not known is left out; what is not finite is null, and read as not known.
public struct StepMetrics: Sendable, Equatable {
  /// 0 for the evaluation before the first.
  public var step: Int
  /// From 1.
  public var epoch: Int?
  /// From 1.
  public var phase: Int?
  /// An objective's name, or a mixture such as `[MLM:3+CLM:1]`.
  public var objective: String?
  /// Of the batch, before the update, in nats a label.
  public var loss: Float?
  /// Before clipping.
  public var gradientNorm: Float?
  public var learningRate: Float?
  /// By objective, where the step trained a mixture: the mean of each over its own labels.
  public var objectiveLosses: [String: Double] = [:]
  /// By objective, where the step was followed by an evaluation.
  public var devLosses: [String: Double] = [:]
  public var tokensPerSecond: Double?
  /// Since training began, interruptions not counted.
  public var secondsElapsed: Double?

  public init(step: Int) { self.step = step }

  /// The loss of one objective in the step, alone or in a mixture; nil where it had no part in it.
  package func loss(of objective: String) -> Double? {
    objectiveLosses[objective] ?? (objective == self.objective ? loss.map { Double($0) } : nil)
  }

  /// One member of the line but the first: its name, and how it is written and read.
  private struct Member: Sendable {
    var name: String
    var write: @Sendable (StepMetrics, inout JSONObject) -> Void
    var read: @Sendable (inout StepMetrics, KeyedDecodingContainer<Key>) throws -> Void

    init<Value: Decodable & SendableMetatype>(
      _ name: String, _ path: any WritableKeyPath<StepMetrics, Value?> & Sendable,
      _ set: @escaping @Sendable (inout JSONObject, String, Value) -> Void
    ) {
      self.name = name
      write = { metrics, object in
        if let value = metrics[keyPath: path] { set(&object, name, value) }
      }
      read = { metrics, members in
        metrics[keyPath: path] = try members.decodeIfPresent(Value.self, forKey: Key(name))
      }
    }
  }

  /// In the order of the line; losses by objective stand between the two lists.
  private static let training = [
    Member("epoch", \.epoch) { $0.set($1, $2) },
    Member("phase", \.phase) { $0.set($1, $2) },
    Member("objective", \.objective) { $0.set($1, $2) },
    Member("loss", \.loss) { $0.set($1, $2) },
    Member("gradientNorm", \.gradientNorm) { $0.set($1, $2) },
    Member("learningRate", \.learningRate) { $0.set($1, $2) },
  ]
  /// What depends on the clock: without these, the last ones of the line, a run that was killed and resumed writes the
  /// same bytes as one that never stopped.
  private static let timing = [
    Member("tokensPerSecond", \.tokensPerSecond) { $0.set($1, $2) },
    Member("secondsElapsed", \.secondsElapsed) { $0.set($1, $2) },
  ]
  package static var timingMembers: [String] { timing.map(\.name) }

  /// Losses by objective: what the names of their members begin with.
  private static let named:
    [(prefix: String, losses: WritableKeyPath<StepMetrics, [String: Double]> & Sendable)] = [
      ("devLoss", \.devLosses), ("loss", \.objectiveLosses),
    ]
  /// No run took thirty thousand years.
  private static let mostSeconds = 1e12

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// The line.
  public var json: JSONObject {
    var object = JSONObject()
    object.set("step", step)
    for member in Self.training { member.write(self, &object) }
    for (prefix, losses) in Self.named.reversed() {
      for (name, loss) in self[keyPath: losses].sorted(by: { $0.key < $1.key }) {
        object.set(prefix + name, loss)
      }
    }
    for member in Self.timing { member.write(self, &object) }
    return object
  }

  /// What the line will be read back as.
  var asWritten: StepMetrics {
    func finite<Value: FloatingPoint>(_ value: Value?) -> Value? { value?.isFinite == true ? value : nil }
    var written = self
    written.loss = finite(loss)
    written.gradientNorm = finite(gradientNorm)
    written.learningRate = finite(learningRate)
    for (_, losses) in Self.named {
      written[keyPath: losses] = self[keyPath: losses].filter(\.value.isFinite)
    }
    written.tokensPerSecond = finite(tokensPerSecond)
    written.secondsElapsed = finite(secondsElapsed)
    return written
  }

  /// All complete lines of a log, which a run may still be adding to; none where there is no log yet.
  ///
  /// - Throws: ``RunError/damagedLine(path:line:reason:)`` or ``FileError``.
  package static func read(_ url: URL) throws -> [StepMetrics] {
    guard FileSystem.exists(url) else { return [] }
    var last = -1
    return try CompleteLines.read(url).map { line in
      let read = try StepMetrics(line.bytes, line: line.number, of: url, after: last)
      last = read.step
      return read
    }
  }

  /// Line `line` of the log `url`, which follows the one of step `last`.
  ///
  /// - Throws: ``RunError/damagedLine(path:line:reason:)``.
  init(_ bytes: Data, line: Int, of url: URL, after last: Int) throws {
    func damaged(_ reason: String) -> RunError { .damagedLine(path: url.path, line: line, reason: reason) }
    do {
      self = try JSONReader().decode(StepMetrics.self, from: bytes)
    } catch let error as DecodingError {
      throw damaged(error.problem)
    }
    guard step > last, step <= Int32.max else { throw damaged("\"step\" is \(step) after \(last)") }
    if let secondsElapsed, !(0...Self.mostSeconds).contains(secondsElapsed) {
      throw damaged("\"secondsElapsed\" is \(secondsElapsed)")
    }
  }
}

extension StepMetrics: Decodable {
  public init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: Key.self)
    self.init(step: try members.decode(Int.self, forKey: Key("step")))
    for member in Self.training + Self.timing { try member.read(&self, members) }
    for key in members.allKeys {
      guard
        let (prefix, losses) = Self.named.first(where: {
          key.stringValue.hasPrefix($0.prefix) && key.stringValue != $0.prefix
        })
      else { continue }
      self[keyPath: losses][String(key.stringValue.dropFirst(prefix.count))] = try members.decodeIfPresent(
        Double.self, forKey: key)
    }
  }
}
