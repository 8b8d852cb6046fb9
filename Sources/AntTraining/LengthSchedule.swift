/// How many tokens a sequence has: one number for the whole run, or several one after another.
///
///     128              always
///     128:90%,512      128 in the first nine tenths of the steps, then 512
///
/// A step has about as many tokens at every length: longer sequences are fewer.
public struct LengthSchedule: Sendable, Equatable {
  /// One length and its share of the steps.
  public struct Stage: Sendable, Equatable {
    public var length: Int
    /// Of all steps, in percent; the last stage has what is left.
    public var percent: Double
  }

  public let stages: [Stage]

  public init(_ length: Int) { stages = [Stage(length: length, percent: 100)] }

  /// Of the first stage, which batches are counted in and which evaluations read.
  public var first: Int { stages[0].length }
  public var longest: Int { stages.map(\.length).max() ?? 0 }
  public var shortest: Int { stages.map(\.length).min() ?? 0 }

  /// - Parameter step: from 1 to `total`.
  public func callAsFunction(step: Int, of total: Int) -> Int {
    var share = 0.0
    for stage in stages.dropLast() {
      share += stage.percent
      if step <= Int((share / 100 * Double(total)).rounded()) { return stage.length }
    }
    return stages[stages.count - 1].length
  }
}

extension LengthSchedule: LosslessStringConvertible {
  /// Nil where the text is no schedule, or its shares leave nothing for the last length.
  public init?(_ text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var stages: [Stage] = []
    var left = 100.0
    for (index, part) in parts.enumerated() {
      let fields = part.split(separator: ":", omittingEmptySubsequences: false)
      let isLast = index == parts.count - 1
      guard fields.count == (isLast ? 1 : 2), let length = Int(fields[0]) else { return nil }
      if isLast {
        stages.append(Stage(length: length, percent: left))
      } else {
        guard fields[1].hasSuffix("%"), let percent = Double(fields[1].dropLast()), percent > 0,
          percent < left
        else { return nil }
        stages.append(Stage(length: length, percent: percent))
        left -= percent
      }
    }
    guard !stages.isEmpty else { return nil }
    self.stages = stages
  }

  public var description: String {
    stages.enumerated().map { index, stage in
      guard index < stages.count - 1 else { return "\(stage.length)" }
      let whole = stage.percent == stage.percent.rounded()
      return "\(stage.length):\(whole ? "\(Int(stage.percent))" : "\(stage.percent)")%"
    }.joined(separator: ",")
  }
}

extension LengthSchedule: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Int) { self.init(value) }
}

/// One length is a number, several are text.
extension LengthSchedule: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let length = try? container.decode(Int.self) {
      self.init(length)
    } else {
      let text = try container.decode(String.self)
      guard let schedule = LengthSchedule(text) else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "a 'length' of \(text) where 128 or 128:90%,512 belongs")
      }
      self = schedule
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if stages.count == 1 { try container.encode(first) } else { try container.encode(description) }
  }
}
