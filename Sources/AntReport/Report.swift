import Foundation

/// One or several runs on one page: what they are, their curves, what they were found to be worth, what they
/// write. The page needs nothing beside itself: no script, no network.
public struct Report: Sendable {
  public var title: String
  public var runs: [RunRecord]
  /// What the runs wrote of ``prompts``, in the order of the runs: nil for one that has no checkpoint yet.
  public var samples: [Samples?] = []
  public var prompts: [String] = []

  public init(_ runs: [RunRecord], title: String? = nil) {
    self.runs = runs
    self.title = title ?? (runs.count == 1 ? "Run \(RunRecord.names(runs)[0])" : "\(runs.count) runs")
  }

  public var html: String {
    let names = RunRecord.names(runs)
    let curves = RunCurves(runs: runs, names: names)
    let head: [Markup] = [
      .void("meta", ["charset": "utf-8"]),
      .void("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
      .element("title", text: title),
      .element("style", Markup(verbatim: PlotStyle.css + "\n" + Self.css)),
    ]
    let body: [Markup] =
      [.element("h1", text: title), overview(names), .element("h2", text: "Training")]
      + [
        .element("div", ["class": "plots"], curves.plots.map(figure)),
        .element("p", ["class": "note"], text: note(curves)),
      ]
      + EvaluationTables(runs: runs, names: names).markup + SampleTables(self, names: names).markup
    let page = Markup.element(
      "html", ["lang": "en"], .element("head", head), .element("body", [.element("main", body)]))
    return "<!DOCTYPE html>\n\(page)\n"
  }

  private func figure(_ plot: LinePlot) -> Markup { .element("figure", Markup(verbatim: plot.svg)) }

  private func note(_ curves: RunCurves) -> String {
    "Bold: the mean over the steps within \(curves.reach) of each, of losses over those of the same objective; "
      + "faint: the lowest and the highest step in each column of the drawing. Development losses and learning "
      + "rates are drawn as they are."
  }

  // MARK: The runs

  private func overview(_ names: [String]) -> Markup {
    let objectives = RunCurves(runs: runs, names: names).evaluatedObjectives
    let heads =
      ["run", "model", "parameters", "schedule", "batch", "learning rate", "text", "steps", "seed"]
      + objectives.map { "dev \($0)" } + ["time", "device"]
    let rows = zip(runs, names).map { run, name -> [Markup] in
      let options = run.options
      let batch = [options.batch.map { "\($0)" }, options.length.map { "\($0)" }].compactMap { $0 }
      let last = run.lines.last
      var cells = [
        name, run.modelName.isEmpty ? run.modelType : run.modelName, Figures.grouped(run.parameters),
        options.schedule ?? "", batch.joined(separator: " × "),
        options.learningRate.map { "\($0)" } ?? "",
        options.trainingTokens.map { "\(Figures.short($0)) tokens" } ?? "",
        "\(last?.step ?? 0)" + (run.totalSteps.map { $0 == last?.step ? "" : " of \($0)" } ?? ""),
        options.seed.map { "\($0)" } ?? "",
      ]
      for objective in objectives {
        let loss = run.lines.last { $0.devLosses[objective] != nil }?.devLosses[objective]
        cells.append(loss.map { String(format: "%.3f", $0) } ?? "")
      }
      cells += [last?.secondsElapsed.map(Figures.time) ?? "", options.deviceName ?? ""]
      return zip(heads, cells).enumerated().map { index, cell in
        .element(index == 0 ? "th" : "td", ["data-label": cell.0], text: cell.1)
      }
    }
    return .element(
      "div", ["class": "runs"], Markup.table(head: [heads.map { .element("th", text: $0) }], rows: rows))
  }
}

extension Markup {
  /// A table that moves sideways on its own where the page is narrower.
  static func table(head: [[Markup]], rows: [[Markup]]) -> Markup {
    element(
      "div", ["class": "table"],
      element(
        "table", element("thead", head.map { element("tr", $0) }),
        element("tbody", rows.map { element("tr", $0) })))
  }
}

/// Numbers for reading.
enum Figures {
  /// `1,234,567`.
  static func grouped(_ value: Int) -> String {
    var digits = Array(String(value.magnitude))
    for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: place) }
    return (value < 0 ? "−" : "") + String(digits)
  }

  /// `5.36 M`.
  static func short(_ value: Int) -> String {
    for (size, unit) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where Double(value) >= size {
      return String(format: "%.3g ", Double(value) / size) + unit
    }
    return "\(value)"
  }

  /// `2:03:05`, of seconds.
  static func time(_ seconds: Double) -> String {
    guard seconds.isFinite, (0..<1e12).contains(seconds) else { return "" }
    let whole = Int(seconds.rounded())
    let tail = String(format: "%02d:%02d", whole / 60 % 60, whole % 60)
    return whole < 3600 ? tail : "\(whole / 3600):\(tail)"
  }
}

extension Report {
  /// The page around the plots, in the colors of ``PlotStyle``.
  private static let css = """
    body { margin: 0; background: var(--paper); color: var(--ink);
    font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; }
    main { max-width: 1240px; margin: 0 auto; padding: 20px 24px 48px; }
    h1 { font-size: 24px; margin: 8px 0 16px; overflow-wrap: anywhere; }
    h2 { font-size: 18px; margin: 36px 0 12px; }
    h3 { font-size: 15px; margin: 20px 0 8px; overflow-wrap: anywhere; }
    .plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); gap: 20px 28px; }
    figure { margin: 0; break-inside: avoid; }
    .note, caption { color: var(--faint); font-size: 13px; }
    .table { overflow-x: auto; }
    table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
    th, td { padding: 4px 12px 4px 0; text-align: left; vertical-align: top; }
    thead th { color: var(--faint); font-weight: 500; white-space: nowrap; }
    tbody tr { border-top: 1px solid color-mix(in srgb, var(--ink) 15%, transparent); }
    tbody th { font-weight: 600; }
    td.number, th.number { text-align: right; }
    tr.mean td, tr.mean th { font-weight: 700; }
    th.group { border-bottom: 1px solid color-mix(in srgb, var(--ink) 15%, transparent); }
    td.text { white-space: pre-wrap; overflow-wrap: anywhere; min-width: 15em; }
    .given { color: var(--faint); }
    .runs td, .runs th { white-space: nowrap; }
    .runs td:last-child { white-space: normal; }
    .samples table { width: 100%; }
    .samples td.text { width: 45%; }
    @media (max-width: 640px) { main { padding: 12px 16px 32px; } tbody th { overflow-wrap: anywhere; }
    .runs thead { display: none; } .runs tr { display: block; padding: 6px 0; }
    .runs td, .runs th { display: flex; padding: 1px 0; white-space: normal; overflow-wrap: anywhere; }
    .runs td:empty { display: none; }
    .runs td::before { content: attr(data-label); color: var(--faint); flex: 0 0 8em; }
    .samples td.text { width: auto; } .samples tr { display: block; padding: 6px 0; }
    .samples td, .samples th { display: block; } .samples thead { display: none; } }
    @media print { main { max-width: none; padding: 0; } body { font-size: 11px; } .table { overflow: visible; }
    .note, caption { font-size: 9px; } table { font-size: 8.5px; } th, td { padding-right: 7px; } .runs td, .runs th { white-space: normal; } tr { break-inside: avoid; }
    h2, h3 { break-after: avoid; } .plots { grid-template-columns: 1fr 1fr; gap: 10px 16px; } @page { margin: 14mm; } }
    """
}
