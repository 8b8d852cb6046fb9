/// A measured value at some step or time.
public struct PlotPoint: Sendable, Equatable {
  public var x: Double
  public var y: Double

  public init(_ x: Double, _ y: Double) {
    self.x = x
    self.y = y
  }
}

/// Curves with more points than can be seen: what is drawn of them. Points come in the order of x.
enum Curve {
  /// Each y as the mean of those whose x lies within `reach` of its own.
  static func smoothed(_ points: [PlotPoint], reach: Double) -> [PlotPoint] {
    var first = 0
    var end = 0
    var sum = 0.0
    return points.map { point in
      while end < points.count, points[end].x <= point.x + reach {
        sum += points[end].y
        end += 1
      }
      while points[first].x < point.x - reach {
        let gone = points[first].y
        sum -= gone
        first += 1
        // A value far above the rest took their digits with it.
        if abs(gone) > 1e6 * abs(sum) { sum = points[first..<end].reduce(0) { $0 + $1.y } }
      }
      return PlotPoint(point.x, sum / Double(end - first))
    }
  }

  /// One point a column where a column holds several: the mean of x and of y.
  ///
  /// - Parameter column: which column an x falls in, never falling with x.
  static func means(_ points: [PlotPoint], column: (Double) -> Int) -> [PlotPoint] {
    columns(points, column).map { range in
      let count = Double(range.count)
      return PlotPoint(
        points[range].reduce(0) { $0 + $1.x } / count, points[range].reduce(0) { $0 + $1.y } / count)
    }
  }

  /// Two points a column where a column holds more: the lowest and the highest, in their order.
  static func extremes(_ points: [PlotPoint], column: (Double) -> Int) -> [PlotPoint] {
    columns(points, column).flatMap { range -> [PlotPoint] in
      guard range.count > 2 else { return Array(points[range]) }
      var (low, high) = (range.lowerBound, range.lowerBound)
      for index in range {
        if points[index].y < points[low].y { low = index }
        if points[index].y > points[high].y { high = index }
      }
      return low == high ? [points[low]] : [points[min(low, high)], points[max(low, high)]]
    }
  }

  /// Stretches to draw as one line each: it is broken where the next point is more than `gap` away and more
  /// than three times as far as points mostly are.
  static func stretches(_ points: [PlotPoint], gap: Double) -> [ArraySlice<PlotPoint>] {
    let distances = zip(points, points.dropFirst()).map { $1.x - $0.x }
    guard let usual = distances.isEmpty ? nil : distances.sorted()[distances.count / 2] else {
      return points.isEmpty ? [] : [points[...]]
    }
    var stretches: [ArraySlice<PlotPoint>] = []
    var start = 0
    for (index, distance) in distances.enumerated() where distance > max(gap, 3 * usual) {
      stretches.append(points[start...index])
      start = index + 1
    }
    stretches.append(points[start...])
    return stretches
  }

  private static func columns(_ points: [PlotPoint], _ column: (Double) -> Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    while start < points.count {
      let current = column(points[start].x)
      var end = start + 1
      while end < points.count, column(points[end].x) == current { end += 1 }
      ranges.append(start..<end)
      start = end
    }
    return ranges
  }
}
