/// The mean of some independent figures and how far the true one may lie from it:
///
///     mean ± t(0.975, n - 1) * deviation / sqrt(n),   deviation² = sum of (x - mean)² / (n - 1)
///
/// a 95 % interval by Student's t, if the figures are about normal. One figure alone has no interval, nor
/// have equal ones.
public struct Interval: Equatable, Sendable {
  /// Figures.
  public var count: Int
  /// Of the figures.
  public var mean: Double
  /// Nil for one figure.
  public var deviation: Double?

  /// Nil for no figures.
  public init?(_ figures: [Double]) {
    guard !figures.isEmpty else { return nil }
    count = figures.count
    let mean = figures.reduce(0, +) / Double(count)
    self.mean = mean
    guard count > 1 else { return }
    // The mean of equal figures need not be that figure, to the last bit.
    deviation =
      figures.min() == figures.max()
      ? 0 : (figures.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
  }

  /// Half the width of the interval. Nil for one figure, and for equal ones: few figures that happen to be equal
  /// do not make a sure thing.
  public var margin: Double? {
    guard let deviation, deviation > 0 else { return nil }
    return Self.student(count - 1) * deviation / Double(count).squareRoot()
  }

  /// Whether all of this interval lies above all of the other. Never where one of them has none.
  public func isAbove(_ other: Interval) -> Bool {
    guard let margin, let otherMargin = other.margin else { return false }
    return mean - margin > other.mean + otherMargin
  }

  /// The 0.975 quantile of Student's t; from 30 degrees of freedom on that of 30, which is a little wide.
  private static func student(_ degrees: Int) -> Double {
    let quantiles = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
      2.131,
      2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ]
    return quantiles[min(degrees, quantiles.count) - 1]
  }
}
