/// Curves over steps or time, as SVG: for a page that holds ``PlotStyle/css``, or as a file of its own.
///
/// Where a curve has more points than the drawing has columns, the line shows the mean of each column, and the
/// faint detail behind it the lowest and highest point of each.
public struct LinePlot: Sendable {
  /// One curve.
  public struct Series: Sendable {
    public var label: String
    /// In the order of x.
    public var points: [PlotPoint]
    /// What `points` was smoothed from, drawn faint behind it; may be empty.
    public var detail: [PlotPoint] = []
    /// Which color and dashes, from 0; nil for a plain line in the color of the text.
    public var style: Int?
    /// Whether the line stops where points are missing for long, rather than crossing over.
    public var breaksAtGaps = false
    /// Whether each point is marked.
    public var marksPoints = false

    public init(label: String, points: [PlotPoint], style: Int?) {
      self.label = label
      self.points = points
      self.style = style
    }
  }

  /// A stretch of the x axis and what it stands for.
  public struct Band: Sendable, Equatable {
    public enum Fill: Sendable, Equatable {
      /// That of the series of this style.
      case color(Int)
      /// A grey, the darker the higher.
      case tone(Int)
    }

    public var range: ClosedRange<Double>
    public var label: String
    public var fill: Fill

    public init(_ range: ClosedRange<Double>, label: String, fill: Fill) {
      self.range = range
      self.label = label
      self.fill = fill
    }
  }

  /// A strip of bands under the curves, for what only one series passes through.
  public struct Ribbon: Sendable {
    /// The style of the series it belongs to.
    public var style: Int
    public var bands: [Band]

    public init(style: Int, bands: [Band]) {
      self.style = style
      self.bands = bands
    }
  }

  public enum Scale: Sendable {
    /// - zero: whether the axis begins at zero.
    case linear(zero: Bool)
    /// Values that are not above zero are left out.
    case logarithmic
  }

  public var title: String
  public var xLabel: String
  /// What y is, with its unit.
  public var yLabel: String
  public var series: [Series]
  /// Bands behind all curves.
  public var shading: [Band]
  public var ribbons: [Ribbon]
  public var scale: Scale

  public init(
    title: String, xLabel: String, yLabel: String, series: [Series], shading: [Band] = [],
    ribbons: [Ribbon] = [], scale: Scale = .linear(zero: false)
  ) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.series = series
    self.shading = shading
    self.ribbons = ribbons
    self.scale = scale
  }

  /// An `<svg>` element for a page whose style sheet has ``PlotStyle/css``.
  public var svg: String { drawing.description }

  /// The plot as an SVG file, light or dark as the reader's screen is.
  public var document: String { PlotFrame.document(drawing) }

  private static let left = 68.0
  private static let top = 50.0
  private static let height = 210.0
  private static let ribbonHeight = 15.0
  /// Between the curves and the ribbons, where the lowest label of the y axis reaches.
  private static let ribbonGap = 8.0
  /// Bands narrower than this, on average, would be mere stripes.
  private static let leastBand = 3.0
  /// Where points are missing over this many units, a line may break.
  private static let gap = 8.0

  private var drawing: Markup {
    let shown = series.map(plausible)
    let bottom = Self.top + Self.height
    let axes = axes(for: shown, bottom: bottom)
    let strips = bottom + (ribbons.isEmpty ? 2 : Self.ribbonGap) + Double(ribbons.count) * Self.ribbonHeight
    let labels = strips + 17
    var contents = [PlotFrame.titled(title, left: 8)]
    contents.append(PlotFrame.text(yLabel, "axis", 8, Self.top - 12))
    contents += bands(shading, axes.x, top: Self.top, height: Self.height)
    for tick in axes.y.ticks {
      let y = axes.y.place(tick.value)
      contents.append(PlotFrame.line("grid", Self.left, y, PlotFrame.right, y))
      contents.append(PlotFrame.text(tick.label, "tick", Self.left - 6, y + 4.5, anchor: "end"))
    }
    contents += PlotFrame.marks(along: axes.x, top: Self.top, bottom: bottom, labels: labels)
    contents.append(PlotFrame.text(xLabel, "axis", PlotFrame.right, labels + 19, anchor: "end"))
    for (row, ribbon) in ribbons.enumerated() {
      let y = bottom + Self.ribbonGap + Double(row) * Self.ribbonHeight
      let middle = y + Self.ribbonHeight / 2
      contents.append(
        PlotFrame.line(
          "line \(PlotStyle.classes(ribbon.style))", Self.left - 30, middle, Self.left - 4, middle))
      contents += bands(ribbon.bands, axes.x, top: y + 1, height: Self.ribbonHeight - 2)
    }
    for one in shown { contents += detail(of: one, axes) }
    for one in shown { contents += line(of: one, axes) }
    if shown.allSatisfy(\.points.isEmpty) {
      contents.append(
        PlotFrame.text(
          "nothing measured yet", "axis", (Self.left + PlotFrame.right) / 2, Self.top + Self.height / 2,
          anchor: "middle"))
    }
    // A plain line is what the title says.
    let named = series.filter { $0.style != nil }
    let legend = PlotFrame.legend(named.map(\.label), left: 8, top: labels + 26) { index, x, middle in
      PlotFrame.line("line \(PlotStyle.classes(named[index].style))", x, middle, x + 26, middle)
    }
    return PlotFrame.drawing(
      contents + legend.markup, title: title, height: labels + 30 + legend.height)
  }

  /// `series` without what cannot be drawn.
  private func plausible(_ series: Series) -> Series {
    func holds(_ point: PlotPoint) -> Bool {
      if case .logarithmic = scale, point.y < 1e-100 { return false }
      return Axis.plausible.contains(point.x) && Axis.plausible.contains(point.y)
    }
    var series = series
    series.points = series.points.filter(holds)
    series.detail = series.detail.filter(holds)
    return series
  }

  private func axes(for series: [Series], bottom: Double) -> (x: Axis, y: Axis) {
    let bands = shading + ribbons.flatMap(\.bands)
    let xs = series.flatMap { one in one.points.map(\.x) + one.detail.map(\.x) }
    let ends = bands.flatMap { [$0.range.lowerBound, $0.range.upperBound] }.filter(Axis.plausible.contains)
    let ys = series.flatMap { one in one.points.map(\.y) + one.detail.map(\.y) }
    let x = Axis(xs + ends, from: Self.left, to: PlotFrame.right, rounded: false)
    switch scale {
    case .linear(let zero):
      return (x, Axis(ys + (zero ? [0] : []), from: bottom, to: Self.top))
    case .logarithmic:
      return (x, Axis(ys, scale: .logarithmic, from: bottom, to: Self.top))
    }
  }

  private func bands(_ bands: [Band], _ axis: Axis, top: Double, height: Double) -> [Markup] {
    let bands = bands.filter {
      Axis.plausible.contains($0.range.lowerBound) && Axis.plausible.contains($0.range.upperBound)
    }
    guard let first = bands.first, let last = bands.last else { return [] }
    let span = axis.place(last.range.upperBound) - axis.place(first.range.lowerBound)
    let isRibbon = height < Self.height
    guard span / Double(bands.count) >= Self.leastBand else {
      let note = PlotFrame.text(
        "\(bands.count) phases, too short to be shown", "note axis", Self.left + 4, top + 11)
      return [note]
    }
    return bands.flatMap { band -> [Markup] in
      let x = axis.place(band.range.lowerBound)
      let width = axis.place(band.range.upperBound) - x
      let fill =
        switch band.fill {
        case .color(let index): "color\(index % PlotStyle.colorCount)"
        case .tone(let tone): "neutral tone\(tone % 4)"
        }
      let box = PlotFrame.rectangle("band \(fill)", x: x, y: top, width: width, height: height)
      guard width > 8.5 * Double(band.label.count) else { return [box] }
      return [
        box,
        PlotFrame.text(
          band.label, "note", x + width / 2, top + (isRibbon ? height / 2 + 3.8 : 13), anchor: "middle"),
      ]
    }
  }

  private func detail(of series: Series, _ axes: (x: Axis, y: Axis)) -> [Markup] {
    let thinned = Curve.extremes(series.detail) { Int(axes.x.place($0)) }
    return path("detail \(PlotStyle.color(series.style))", thinned, series, axes)
  }

  private func line(of series: Series, _ axes: (x: Axis, y: Axis)) -> [Markup] {
    let thinned = Curve.means(series.points) { Int(axes.x.place($0)) }
    var markup = path("line \(PlotStyle.classes(series.style))", thinned, series, axes)
    // A line of a single point would not be seen.
    if series.marksPoints || thinned.count == 1 {
      markup += thinned.map { point in
        .element(
          "circle",
          [
            "class": "dot \(PlotStyle.color(series.style))", "r": "3",
            "cx": Markup.number(axes.x.place(point.x)), "cy": Markup.number(axes.y.place(point.y)),
          ], .element("title", text: "\(series.label): \(point.y) at \(xLabel) \(Markup.number(point.x))"))
      }
    }
    return markup
  }

  private func path(
    _ style: String, _ points: [PlotPoint], _ series: Series, _ axes: (x: Axis, y: Axis)
  ) -> [Markup] {
    let placed = points.map { PlotPoint(axes.x.place($0.x), axes.y.place($0.y)) }
    let stretches = series.breaksAtGaps ? Curve.stretches(placed, gap: Self.gap) : [placed[...]]
    let steps = stretches.map { stretch in
      "M" + stretch.map { "\(Markup.number($0.x)) \(Markup.number($0.y))" }.joined(separator: "L")
    }
    guard !placed.isEmpty else { return [] }
    return [.element("path", ["class": style, "d": steps.joined()], .element("title", text: series.label))]
  }
}
