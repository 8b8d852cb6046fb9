/// Means with the interval each may lie in, by group, as SVG: accuracies of several schedules over seeds, say.
///
/// Groups lie under one another, each with its name above its rows, so that names may be long; a row is a point
/// and a whisker from low to high. Equal labels have the same color and shape in every group.
public struct IntervalPlot: Sendable {
  /// One mean and its interval.
  public struct Item: Sendable {
    /// What it is within its group: a way of scoring, say.
    public var label: String
    public var mean: Double
    /// Nil where the mean has no interval: it is drawn as a point alone.
    public var interval: ClosedRange<Double>?

    public init(_ label: String, mean: Double, interval: ClosedRange<Double>?) {
      self.label = label
      self.mean = mean
      self.interval = interval
    }

    fileprivate var values: [Double] {
      [mean] + (interval.map { [$0.lowerBound, $0.upperBound] } ?? [])
    }
  }

  /// Rows that belong together.
  public struct Group: Sendable {
    public var name: String
    public var items: [Item]

    public init(_ name: String, _ items: [Item]) {
      self.name = name
      self.items = items
    }
  }

  public var title: String
  /// What the values are, with their unit.
  public var valueLabel: String
  public var groups: [Group]
  /// A value to compare with, drawn as a dashed line: that of chance, say.
  public var reference: Double?

  public init(title: String, valueLabel: String, groups: [Group], reference: Double? = nil) {
    self.title = title
    self.valueLabel = valueLabel
    self.groups = groups
    self.reference = reference
  }

  /// An `<svg>` element for a page whose style sheet has ``PlotStyle/css``.
  public var svg: String { drawing.description }

  /// The plot as an SVG file, light or dark as the reader's screen is.
  public var document: String { PlotFrame.document(drawing) }

  private static let left = 16.0
  private static let top = 32.0
  private static let nameRow = 22.0
  private static let itemRow = 15.0
  private static let groupGap = 7.0

  private var drawing: Markup {
    var labels: [String] = []
    for item in groups.flatMap(\.items) where !labels.contains(item.label) { labels.append(item.label) }
    let heights = groups.map { Self.nameRow + Double($0.items.count) * Self.itemRow + Self.groupGap }
    let bottom = Self.top + max(heights.reduce(0, +), Self.nameRow)
    let values =
      groups.flatMap(\.items).flatMap(\.values) + (reference.map { [$0] } ?? [])
    let axis = Axis(
      values.filter(Axis.plausible.contains), from: Self.left + 8, to: PlotFrame.right - 8)

    var contents = [PlotFrame.titled(title, left: 8)]
    contents += PlotFrame.marks(along: axis, top: Self.top, bottom: bottom, labels: bottom + 17)
    contents.append(PlotFrame.text(valueLabel, "axis", PlotFrame.right, bottom + 36, anchor: "end"))
    if let reference, Axis.plausible.contains(reference) {
      let x = axis.place(reference)
      contents.append(PlotFrame.line("reference", x, Self.top, x, bottom))
    }
    var y = Self.top
    for (group, height) in zip(groups, heights) {
      contents.append(PlotFrame.line("grid", Self.left, y, PlotFrame.right, y))
      contents.append(PlotFrame.text(group.name, "name", Self.left, y + 16, most: 52))
      for (row, item) in group.items.enumerated() {
        let middle = y + Self.nameRow + (Double(row) + 0.5) * Self.itemRow
        contents += self.row(item, group, labels.firstIndex(of: item.label)!, axis, middle)
      }
      y += height
    }
    let legend = PlotFrame.legend(labels, left: 8, top: bottom + 42) { index, x, middle in
      PlotFrame.line("whisker color\(index % PlotStyle.colorCount)", x, middle, x + 26, middle)
        + shape(index, x + 13, middle, nil)
    }
    return PlotFrame.drawing(contents + legend.markup, title: title, height: bottom + 46 + legend.height)
  }

  private func row(_ item: Item, _ group: Group, _ index: Int, _ axis: Axis, _ y: Double) -> [Markup] {
    guard item.values.allSatisfy(Axis.plausible.contains) else {
      return [PlotFrame.text("no value", "note axis", Self.left + 8, y + 3.5)]
    }
    let style = "whisker color\(index % PlotStyle.colorCount)"
    var name = "\(group.name), \(item.label): \(item.mean)"
    var whisker: [Markup] = []
    if let interval = item.interval {
      let (low, high) = (axis.place(interval.lowerBound), axis.place(interval.upperBound))
      whisker = [
        PlotFrame.line(style, low, y, high, y),
        PlotFrame.line(style, low, y - 3.5, low, y + 3.5),
        PlotFrame.line(style, high, y - 3.5, high, y + 3.5),
      ]
      name += ", from \(interval.lowerBound) to \(interval.upperBound)"
    }
    return whisker + [shape(index, axis.place(item.mean), y, name)]
  }

  /// A circle, a square, a diamond or a triangle.
  private func shape(_ index: Int, _ x: Double, _ y: Double, _ title: String?) -> Markup {
    let corners: [(Double, Double)] =
      switch (index + index / PlotStyle.colorCount) % 4 {
      case 0: []
      case 1: [(-3.7, -3.7), (3.7, -3.7), (3.7, 3.7), (-3.7, 3.7)]
      case 2: [(0, -5.4), (5.4, 0), (0, 5.4), (-5.4, 0)]
      default: [(0, -5), (5, 4), (-5, 4)]
      }
    let style = "dot color\(index % PlotStyle.colorCount)"
    let contents = title.map { [Markup.element("title", text: $0)] } ?? []
    guard !corners.isEmpty else {
      return .element(
        "circle", ["class": style, "r": "4.4", "cx": Markup.number(x), "cy": Markup.number(y)], contents)
    }
    let points = corners.map { "\(Markup.number(x + $0)),\(Markup.number(y + $1))" }.joined(separator: " ")
    return .element("polygon", ["class": style, "points": points], contents)
  }
}

extension Markup {
  static func + (a: Markup, b: Markup) -> Markup { Markup(verbatim: a.description + b.description) }
}
