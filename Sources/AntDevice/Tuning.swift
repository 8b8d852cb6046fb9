/// How a device cuts its work where it could do so in several ways: choices that were found to be fast, by the class of
/// shapes they are for. Where there is none, the device's own rule decides.
///
/// A choice decides the order of sums. So a run records the tuning that it was begun with, and goes on with that.
public struct Tuning: Codable, Equatable, Sendable {
  /// What the numbers mean is the device's own business.
  public var choices: [String: [Int]]

  public init(choices: [String: [Int]] = [:]) { self.choices = choices }

  /// The ways in which an operation could be cut.
  public struct Ways: Sendable, Equatable {
    /// Shapes that are cut alike: the key of ``Tuning/choices``.
    public var shapeClass: String
    /// At most 40; empty where there is one way only.
    public var choices: [[Int]]

    public init(shapeClass: String, choices: [[Int]]) {
      self.shapeClass = shapeClass
      self.choices = choices
    }
  }
}

extension Device {
  // For devices that have one way for everything.

  public var tuning: Tuning {
    get { Tuning() }
    set {}
  }

  public func ways(toCompute operation: Matmul) -> Tuning.Ways? { nil }

  public func keepTuning() throws {}
}
