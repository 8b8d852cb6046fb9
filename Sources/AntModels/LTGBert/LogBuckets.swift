import Foundation

/// Distances between positions in buckets: each of its own near zero, wider and wider ones farther off, one for
/// everything from `farthest` on.
///
///     bucket(r) = r                                                          |r| <= m = size / 2
///     bucket(r) = ±(m + ceil(ln(min(|r|, farthest - 1) / m) / ln((farthest - 1) / m) (m - 1)))   beyond
///
/// in float32, as the models were trained; shifted by `size - 1` they are 0 to `2 size - 2`.
public struct LogBuckets: Equatable, Sendable {
  public let size: Int
  public let farthest: Int

  public init(size: Int, farthest: Int) {
    precondition(size >= 2 && farthest > size, "LogBuckets: \(size) buckets up to \(farthest)")
    self.size = size
    self.farthest = farthest
  }

  /// Buckets in all.
  public var count: Int { 2 * size - 1 }

  /// The bucket of a query that lies `distance` positions behind its key.
  public func bucket(_ distance: Int) -> Int {
    let middle = size / 2
    let magnitude = abs(distance)
    guard magnitude > middle else { return distance + size - 1 }
    let ratio = log(Float(min(magnitude, farthest - 1)) / Float(middle))
    let whole = Float(log(Double(farthest - 1) / Double(middle)))
    // At the farthest distance rounding may leave a little more than middle - 1.
    let bucket = middle + min(Int((ratio / whole * Float(middle - 1)).rounded(.up)), middle - 1)
    return (distance < 0 ? -bucket : bucket) + size - 1
  }
}
