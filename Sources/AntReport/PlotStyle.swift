/// How plots look, in a light page, in a dark one and on paper.
///
/// The colors keep apart for the color-blind (after Okabe and Ito, darkened to a contrast of 3 and more on white,
/// lightened on black); lines differ in their dashes too, and points in their shapes, for print without color.
public enum PlotStyle {
  /// Colors a plot tells apart; what comes after has the same ones again, with other dashes or shapes.
  static let colorCount = 6

  /// Units of a drawing from side to side.
  static let width = 560.0

  private static let light = ["#0072b2", "#c85400", "#007a5a", "#a34b86", "#8a6100", "#505050"]
  private static let dark = ["#5fb8ea", "#ff9350", "#35cba0", "#e79fcb", "#f0c550", "#c4c4c4"]
  private static let dashes = ["none", "7 3", "2.5 2.5", "9 3 2 3"]

  /// The style sheet that a page with plots needs; ``LinePlot/document`` holds it already.
  public static let css: String = {
    func palette(_ colors: [String]) -> String {
      colors.enumerated().map { "--color\($0): \($1);" }.joined(separator: " ")
    }
    let rules = (0..<colorCount).map { ".plot .color\($0) { --color: var(--color\($0)); }" }
    let strokes = dashes.enumerated().map { ".plot .dash\($0) { stroke-dasharray: \($1); }" }
    return """
      :root { color-scheme: light dark; --ink: #1c1e21; --paper: #ffffff; --faint: #6a6f76; \(palette(light)) }
      @media (prefers-color-scheme: dark) { @media screen {
      :root { --ink: #e4e6ea; --paper: #15171a; --faint: #9aa0a8; \(palette(dark)) } } }
      .plot { display: block; width: 100%; height: auto; color: var(--ink); font-family: system-ui, sans-serif; }
      .plot text { font-size: 12px; fill: var(--ink); }
      .plot .title { font-size: 14px; font-weight: 600; }
      .plot .tick, .plot .axis { fill: var(--faint); }
      .plot .ink { --color: var(--ink); }
      .plot .grid { stroke: currentColor; stroke-opacity: 0.13; }
      .plot .reference { stroke: currentColor; stroke-opacity: 0.6; stroke-dasharray: 3 3; }
      .plot .line { fill: none; stroke: var(--color); stroke-width: 1.8; stroke-linejoin: round; }
      .plot .detail { fill: none; stroke: var(--color); stroke-width: 0.8; stroke-opacity: 0.3; }
      .plot .dot { fill: var(--color); stroke: var(--paper); stroke-width: 0.8; }
      .plot .whisker { stroke: var(--color); stroke-width: 1.8; }
      .plot .band { fill: var(--color); fill-opacity: 0.11; }
      .plot .band.neutral { fill: currentColor; }
      .plot .tone0 { fill-opacity: 0.07; } .plot .tone1 { fill-opacity: 0.19; }
      .plot .tone2 { fill-opacity: 0.29; } .plot .tone3 { fill-opacity: 0.41; }
      .plot .note { font-size: 10px; }
      \(rules.joined(separator: "\n"))
      \(strokes.joined(separator: "\n"))
      @media (max-width: 640px) { .plot text { font-size: 17px; } .plot .title { font-size: 19px; }
      .plot .note { font-size: 13px; } }
      """
  }()

  /// The class of the color of series `index`; that of the text where there is none.
  static func color(_ index: Int?) -> String { index.map { "color\($0 % colorCount)" } ?? "ink" }

  /// The classes of series `index`: its color, and dashes that no other of the same color has for long.
  static func classes(_ index: Int?) -> String {
    guard let index else { return "ink" }
    return "color\(index % colorCount) dash\((index + index / colorCount) % dashes.count)"
  }
}
