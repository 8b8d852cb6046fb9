import AntFiles
import Foundation

/// A line of `metrics.jsonl`, read back: see ``StepReport/json``.
package struct MetricsLine: Sendable, Equatable, Decodable {
  package var step: Int
  /// From 1.
  package var phase: Int?
  /// From 1.
  package var epoch: Int?
  package var objective: String?
  package var loss: Float?
  package var gradientNorm: Float?
  package var learningRate: Float?
  /// By objective, where the step was followed by an evaluation.
  package var devLosses: [String: Double] = [:]
  package var tokensPerSecond: Double?
  package var secondsElapsed: Double?

  /// What the line of `report` will be read back as: JSON has no infinities, so these are left out.
  package init(_ report: StepReport) {
    func finite<Value: FloatingPoint>(_ value: Value?) -> Value? { value?.isFinite == true ? value : nil }
    step = report.step
    phase = report.position.phase + 1
    epoch = report.position.epoch + 1
    objective = report.position.objective
    loss = finite(report.loss)
    gradientNorm = finite(report.gradientNorm)
    learningRate = finite(report.learningRate)
    devLosses = report.devLosses.filter(\.value.isFinite)
    tokensPerSecond = finite(report.tokensPerSecond)
    secondsElapsed = finite(report.secondsElapsed)
  }

  private static let devLoss = "devLoss"
  /// No run took thirty thousand years.
  private static let mostSeconds = 1e12

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: Key.self)
    step = try members.decode(Int.self, forKey: Key("step"))
    phase = try members.decodeIfPresent(Int.self, forKey: Key("phase"))
    epoch = try members.decodeIfPresent(Int.self, forKey: Key("epoch"))
    objective = try members.decodeIfPresent(String.self, forKey: Key("objective"))
    loss = try members.decodeIfPresent(Float.self, forKey: Key("loss"))
    gradientNorm = try members.decodeIfPresent(Float.self, forKey: Key("gradientNorm"))
    learningRate = try members.decodeIfPresent(Float.self, forKey: Key("learningRate"))
    tokensPerSecond = try members.decodeIfPresent(Double.self, forKey: Key("tokensPerSecond"))
    secondsElapsed = try members.decodeIfPresent(Double.self, forKey: Key("secondsElapsed"))
    for key in members.allKeys where key.stringValue.hasPrefix(Self.devLoss) {
      devLosses[String(key.stringValue.dropFirst(Self.devLoss.count))] = try members.decodeIfPresent(
        Double.self, forKey: key)
    }
  }

  /// All complete lines of a log, which a run may still be adding to; none where there is no log yet.
  ///
  /// - Throws: ``RunError/damagedLine(path:line:reason:)`` or ``FileError``.
  package static func read(_ url: URL) throws -> [MetricsLine] {
    guard FileSystem.exists(url) else { return [] }
    var last = -1
    return try CompleteLines.read(url).map { line in
      func damaged(_ reason: String) -> RunError {
        .damagedLine(path: url.path, line: line.number, reason: reason)
      }
      let read: MetricsLine
      do {
        read = try JSONReader().decode(MetricsLine.self, from: line.bytes)
      } catch let error as DecodingError {
        throw damaged(error.problem)
      }
      guard read.step > last, read.step <= Int32.max else {
        throw damaged("\"step\" is \(read.step) after \(last)")
      }
      if let seconds = read.secondsElapsed, !(0...mostSeconds).contains(seconds) {
        throw damaged("\"secondsElapsed\" is \(seconds)")
      }
      last = read.step
      return read
    }
  }
}
