/// What plots have in common: their width and margins, title, marks along an axis, and a legend that wraps.
///
/// Sizes are in units of the drawing, ``PlotStyle/width`` of them from side to side. Letters are 12 units high,
/// and 17 on narrow screens, where the drawing shrinks; places are laid out for the larger.
enum PlotFrame {
  /// At most what a letter takes from left to right.
  static let letterWidth = 10.5
  static let right = PlotStyle.width - 14
  static let titleBaseline = 18.0
  static let legendRow = 21.0

  static func titled(_ title: String, left: Double) -> Markup {
    text(title, "title", left, titleBaseline, most: 54)
  }

  /// - Parameters:
  ///   - anchor: `start`, `middle` or `end`.
  ///   - most: letters that are shown.
  static func text(
    _ text: String, _ style: String, _ x: Double, _ y: Double, anchor: String = "start", most: Int = 60
  ) -> Markup {
    .element(
      "text",
      ["class": style, "x": Markup.number(x), "y": Markup.number(y), "text-anchor": anchor],
      text: shortened(text, most))
  }

  static func shortened(_ text: String, _ most: Int) -> String {
    text.count <= most ? text : text.prefix(most - 1) + "…"
  }

  static func line(_ style: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> Markup {
    .void(
      "line",
      [
        "class": style, "x1": Markup.number(x1), "y1": Markup.number(y1), "x2": Markup.number(x2),
        "y2": Markup.number(y2),
      ])
  }

  static func rectangle(_ style: String, x: Double, y: Double, width: Double, height: Double) -> Markup {
    .void(
      "rect",
      [
        "class": style, "x": Markup.number(x), "y": Markup.number(y), "width": Markup.number(width),
        "height": Markup.number(height),
      ])
  }

  /// Vertical lines at the ticks, and their labels under `bottom`.
  static func marks(along axis: Axis, top: Double, bottom: Double, labels: Double) -> [Markup] {
    axis.ticks.flatMap { tick in
      let x = axis.place(tick.value)
      return [line("grid", x, top, x, bottom), text(tick.label, "tick", x, labels, anchor: "middle")]
    }
  }

  /// The entries of a legend in rows from `top` on, and the height they take.
  ///
  /// - Parameter sample: draws what stands before a label, given the index, the left end and the middle of a
  ///   place 26 units wide.
  static func legend(
    _ labels: [String], left: Double, top: Double, sample: (Int, Double, Double) -> Markup
  ) -> (markup: [Markup], height: Double) {
    var x = left
    var row = 0.0
    var markup: [Markup] = []
    for (index, label) in labels.enumerated() {
      let label = shortened(label, 46)
      let width = 32 + letterWidth * Double(label.count) + 14
      if x > left, x + width > right {
        x = left
        row += 1
      }
      let middle = top + row * legendRow + legendRow / 2
      markup += [sample(index, x, middle), text(label, "key", x + 32, middle + 4.5)]
      x += width
    }
    return (markup, labels.isEmpty ? 0 : (row + 1) * legendRow)
  }

  /// The whole drawing. It brings no style of its own: see ``PlotStyle/css``.
  static func drawing(_ contents: [Markup], title: String, height: Double) -> Markup {
    .element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "class": "plot", "role": "img", "aria-label": title,
        "viewBox": "0 0 \(Markup.number(PlotStyle.width)) \(Markup.number(height))",
      ], contents)
  }

  /// `drawing` as a file of its own, with its style.
  static func document(_ drawing: Markup) -> String {
    let style = "<style>.plot { background: var(--paper); }\n\(PlotStyle.css)</style>"
    let text = drawing.description
    let end = text.index(after: text.firstIndex(of: ">")!)
    return "\(text[..<end])\(style)\(text[end...])\n"
  }
}
