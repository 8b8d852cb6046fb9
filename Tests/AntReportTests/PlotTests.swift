import Foundation
import Testing

@testable import AntReport

@Suite struct AxisTests {
  @Test func ticksAreRoundAndInside() {
    let axis = Axis([0.0, 9.04], from: 200, to: 0)
    #expect(axis.ticks.map(\.label) == ["0", "2", "4", "6", "8", "10"])
    #expect(axis.place(0) == 200 && axis.place(10) == 0 && axis.place(5) == 100)
    #expect(Axis([0, Double(Float(0.001))], from: 0, to: 1).ticks.count == 6)
    #expect(Axis([3.2, 3.6], from: 0, to: 1).ticks.map(\.label) == ["3.2", "3.3", "3.4", "3.5", "3.6"])
    #expect(
      Axis([0.0, 0.001], from: 0, to: 1).ticks.map(\.label) == ["0", "2e−4", "4e−4", "6e−4", "8e−4", "1e−3"])
    #expect(
      Axis([0.0, 42_000], from: 0, to: 1).ticks.map(\.label) == ["0", "10k", "20k", "30k", "40k", "50k"])
    #expect(Axis([1.0, 2620], from: 0, to: 1, rounded: false).ticks.map(\.label) == ["1000", "2000"])
    #expect(Axis([0.2, 30], scale: .logarithmic, from: 0, to: 1).ticks.map(\.label).contains("10"))
  }

  /// Nothing a file may hold makes a place that is no number.
  @Test(
    arguments: [
      [], [0], [5], [-5], [1e100], [-1e100, 1e100], [.leastNonzeroMagnitude], [1, 1 + 1e-15], [1e99, 1e99],
      [0, 1e-100],
    ] as [[Double]])
  func extremeValues(values: [Double]) {
    for scale in [Axis.Scale.linear, .logarithmic] {
      let values = scale == .linear ? values : values.filter { $0 >= 1e-100 }
      for rounded in [true, false] {
        let axis = Axis(values, scale: scale, from: 300, to: 0, rounded: rounded)
        #expect(axis.ticks.count < 40, "\(values)")
        for value in values + axis.ticks.map(\.value) {
          #expect((-300...600).contains(axis.place(value)), "\(value) of \(values)")
        }
      }
    }
  }
}

@Suite struct CurveTests {
  private func random(_ count: Int) -> [PlotPoint] {
    var state: UInt64 = 7
    return (0..<count).map { index in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Some steps are another objective's.
      return PlotPoint(Double(index + index / 20 * 9), Double(state >> 40) / Double(1 << 24))
    }
  }

  @Test func smoothingIsTheMeanWithinReach() {
    let points = random(300)
    for reach in [0.0, 1, 7.5, 1000] {
      let smooth = Curve.smoothed(points, reach: reach)
      for (point, found) in zip(points, smooth) {
        let near = points.filter { abs($0.x - point.x) <= reach }
        let expected = near.reduce(0) { $0 + $1.y } / Double(near.count)
        #expect(found.x == point.x && abs(found.y - expected) < 1e-9)
      }
    }
  }

  /// A spike is gone when it is out of reach.
  @Test(arguments: [1e9, 3e17, 1e20, 1e300])
  func aSpikeLeavesTheRestAsItIs(height: Double) {
    var points = (0..<400).map { PlotPoint(Double($0), 0.4) }
    points[100].y = height
    let smooth = Curve.smoothed(points, reach: 4)
    for point in smooth where abs(point.x - 100) > 4 { #expect(abs(point.y - 0.4) < 1e-9) }
    #expect(abs(smooth[100].y / ((height + 8 * 0.4) / 9) - 1) < 1e-9)
  }

  @Test func hugePlacesAreNoTrap() {
    #expect(Markup.number(1e300) == "1e+300" && Markup.number(9.2e17 * 10).hasPrefix("9.2"))
  }

  @Test func thinningKeepsWhatStandsOut() {
    let points = random(5000)
    let column = { (x: Double) in Int(x / 50) }
    let groups = Dictionary(grouping: points) { column($0.x) }
    let extremes = Curve.extremes(points, column: column)
    let means = Curve.means(points, column: column)
    #expect(means.count == groups.count && extremes.count <= 2 * groups.count)
    #expect(zip(extremes, extremes.dropFirst()).allSatisfy { $0.x < $1.x })
    for (key, group) in groups {
      let kept = extremes.filter { column($0.x) == key }
      #expect(kept.map(\.y).min() == group.map(\.y).min() && kept.map(\.y).max() == group.map(\.y).max())
      let mean = group.reduce(0) { $0 + $1.y } / Double(group.count)
      #expect(means.contains { column($0.x) == key && abs($0.y - mean) < 1e-9 })
    }
    // Few points stay as they are.
    #expect(Curve.extremes(Array(points[..<9]), column: { Int($0) }) == Array(points[..<9]))
  }

  @Test func linesBreakOnlyWherePointsAreMissing() {
    func breaks(_ xs: [Double], gap: Double) -> [Int] {
      Curve.stretches(xs.map { PlotPoint($0, 0) }, gap: gap).map(\.count)
    }
    #expect(breaks([], gap: 1) == [])
    #expect(breaks([4], gap: 1) == [1])
    #expect(breaks([1, 2, 3, 30, 31, 32, 60], gap: 8) == [3, 3, 1])
    #expect(breaks([0, 25, 50, 75], gap: 8) == [4])
    #expect(breaks([1, 2, 3, 8, 9, 10], gap: 8) == [6])
  }
}

@Suite struct PlotTests {
  static let hostile = "</svg><script>alert('\"&')</script> ]]> \u{0} \u{ffff} \u{1b}[0m é 🐜"

  private func expectSound(_ svg: String, sourceLocation: SourceLocation = #_sourceLocation) -> WellFormed {
    let read = WellFormed(svg)
    #expect(read.problem == nil, sourceLocation: sourceLocation)
    #expect(read.elements.first?.name == "svg", sourceLocation: sourceLocation)
    #expect(read.count("script") == 0, sourceLocation: sourceLocation)
    #expect(!read.coordinates.contains { !$0.isFinite }, sourceLocation: sourceLocation)
    return read
  }

  @Test func curvesLieWhereTheyShould() throws {
    var series = LinePlot.Series(
      label: "CLM", points: (0...100).map { PlotPoint(Double($0), 10 - Double($0) / 20) }, style: 0)
    series.detail = series.points
    let plot = LinePlot(
      title: "Loss", xLabel: "step", yLabel: "nats a token", series: [series],
      shading: [.init(0...60, label: "CLM", fill: .color(0)), .init(60...100, label: "MLM", fill: .color(1))])
    let read = expectSound(plot.svg)
    #expect(read.count("path") == 2)
    let line = try #require(
      read.elements.first { $0.attributes["class"]?.hasPrefix("line") == true && $0.name == "path" })
    let places = line.attributes["d"]!.dropFirst().split(separator: "L").map { pair in
      pair.split(separator: " ").map { Double($0)! }
    }
    #expect(places.count == 101)
    // Falling values go down the drawing, whose y grows downwards; steps are evenly apart.
    for (a, b) in zip(places, places.dropFirst()) {
      #expect(b[1] > a[1] && abs(b[0] - a[0] - (places[100][0] - places[0][0]) / 100) <= 0.11)
    }
    let bands = read.elements.filter { $0.name == "rect" }.map { Double($0.attributes["width"]!)! }
    #expect(bands.count == 2 && abs(bands[0] / bands[1] - 1.5) < 0.01)
    #expect(read.text.contains("MLM") && read.text.contains("nats a token"))
  }

  @Test func textCannotBreakOut() {
    let hostile = Self.hostile
    var series = LinePlot.Series(label: hostile, points: [PlotPoint(1, 1)], style: 3)
    series.marksPoints = true
    let band = LinePlot.Band(0...1, label: hostile, fill: .tone(1))
    let lines = LinePlot(
      title: hostile, xLabel: hostile, yLabel: hostile, series: [series], shading: [band],
      ribbons: [.init(style: 3, bands: [band])])
    let intervals = IntervalPlot(
      title: hostile, valueLabel: hostile,
      groups: [.init(hostile, [.init(hostile, mean: 0.5, interval: 0.4...0.6)])])
    for svg in [lines.svg, lines.document, intervals.svg, intervals.document] {
      let read = expectSound(svg)
      #expect(read.text.contains("</svg><script>alert('\"&')</script> ]]> \u{fffd} \u{fffd}"))
    }
  }

  @Test(
    arguments: [
      [], [.nan], [.infinity, 1], [1e300, -1e300], [0, 0, 0], [-1], [.leastNonzeroMagnitude, 1],
      [Double.greatestFiniteMagnitude],
    ] as [[Double]])
  func anyValuesMakeADrawing(values: [Double]) {
    let points = values.enumerated().map { PlotPoint(Double($0), $1) }
    var series = LinePlot.Series(label: "a", points: points, style: 0)
    series.detail = points
    series.breaksAtGaps = true
    for scale in [LinePlot.Scale.linear(zero: false), .linear(zero: true), .logarithmic] {
      let plot = LinePlot(title: "t", xLabel: "x", yLabel: "y", series: [series], scale: scale)
      let read = expectSound(plot.svg)
      #expect(read.text.contains("nothing measured yet") == !read.elements.contains { $0.name == "path" })
    }
    let items = values.map { IntervalPlot.Item("a", mean: $0, interval: $0.isNaN ? nil : $0...$0) }
    _ = expectSound(
      IntervalPlot(title: "t", valueLabel: "v", groups: [.init("g", items)], reference: values.first).svg)
  }

  @Test func aDrawingStaysSmall() {
    let points = (0..<200_000).map { PlotPoint(Double($0), Double($0 * 7919 % 1000)) }
    var series = LinePlot.Series(label: "a", points: points, style: 0)
    series.detail = points
    let svg = LinePlot(title: "t", xLabel: "x", yLabel: "y", series: [series]).svg
    #expect(svg.utf8.count < 40_000)
    // A phase a step is no pattern to look at.
    let bands = (0..<2000).map { LinePlot.Band(Double($0)...Double($0 + 1), label: "CLM", fill: .tone(0)) }
    let striped = LinePlot(
      title: "t", xLabel: "x", yLabel: "y", series: [series], shading: bands,
      ribbons: [.init(style: 0, bands: bands)])
    #expect(WellFormed(striped.svg).count("rect") == 0)
    #expect(striped.svg.contains("2000 phases, too short to be shown"))
  }

  @Test func intervalsReachFromLowToHigh() throws {
    let plot = IntervalPlot(
      title: "Accuracy", valueLabel: "%",
      groups: [
        .init(
          "1_CLM", [.init("causal", mean: 60, interval: 50...70), .init("mlm", mean: 50, interval: 45...50)]),
        .init("1_MLM", [.init("mlm", mean: 65, interval: 64...66)]),
      ], reference: 50)
    let read = expectSound(plot.svg)
    let whiskers = read.elements.filter { $0.attributes["class"]?.hasPrefix("whisker") == true }.map {
      Double($0.attributes["x2"]!)! - Double($0.attributes["x1"]!)!
    }
    // A line and two ends a row, then one in the legend for each label.
    #expect(whiskers.count == 3 * 3 + 2)
    #expect(abs(whiskers[0] / whiskers[3] - 4) < 0.05 && abs(whiskers[0] / whiskers[6] - 10) < 0.3)
    #expect(whiskers[1] == 0 && whiskers[2] == 0)
    // The same label, the same shape: two squares and one in the legend.
    #expect(read.count("polygon") == 3 && read.count("circle") == 2)
  }
}
