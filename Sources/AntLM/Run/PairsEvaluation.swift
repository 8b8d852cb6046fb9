import Files
import Foundation

/// A line of a run's `evaluations.jsonl`: how often the right sentence of a pair was the more probable one.
public struct PairsEvaluation: Sendable, Equatable, Codable {
  /// The file, in a run's folder.
  public static let file = "evaluations.jsonl"
  /// What the unweighted mean over all phenomena has for its phenomenon.
  public static let mean = "mean"

  /// As `--scoring` and `--rule` name them.
  public var scoring: String
  public var rule: String
  public var phenomenon: String
  /// 0 to 1.
  public var accuracy: Double
  public var pairs: Int
  /// Of the checkpoint that was asked.
  public var step: Int
  /// What scoring took; in the line of the mean.
  public var seconds: Double?

  public var json: JSONObject {
    var object = JSONObject()
    object.set("kind", "pairs")
    object.set("scoring", scoring)
    object.set("rule", rule)
    object.set("phenomenon", phenomenon)
    object.set("accuracy", accuracy)
    object.set("pairs", pairs)
    object.set("step", step)
    object.set("seconds", seconds)
    return object
  }

  /// The lines of a run's file; none where it has none.
  ///
  /// - Throws: ``RunError/damagedLine(path:line:)`` or ``FileError``.
  public static func read(_ run: URL) throws -> [PairsEvaluation] {
    let url = run.appending(path: file)
    guard FileSystem.exists(url) else { return [] }
    return try FileSystem.read(url).split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
      do {
        return try JSONDecoder().decode(PairsEvaluation.self, from: line)
      } catch {
        throw RunError.damagedLine(path: url.path, line: index + 1)
      }
    }
  }
}
