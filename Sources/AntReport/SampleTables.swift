import Foundation

/// What the runs write: a table for each prompt, a row for each run.
struct SampleTables {
  let report: Report
  let names: [String]

  init(_ report: Report, names: [String]) {
    self.report = report
    self.names = names
  }

  var markup: [Markup] {
    guard !report.samples.isEmpty, !report.prompts.isEmpty else { return [] }
    let steps = zip(names, report.samples).map { name, samples in
      name + (samples.map { ", step \($0.step)" } ?? " has no checkpoint yet")
    }
    return [
      .element("h2", text: "Samples"),
      .element("p", ["class": "note"], text: "By the newest checkpoints: \(steps.joined(separator: "; "))."),
    ] + report.prompts.indices.flatMap(section)
  }

  private func section(_ index: Int) -> [Markup] {
    let prompt = report.prompts[index]
    let rows = zip(names, report.samples).compactMap { name, samples in
      samples.map { [Markup.element("th", text: name)] + cells($0.answers[index], prompt) }
    }
    guard !rows.isEmpty else { return [] }
    let isContinued = report.samples.contains { samples in
      if case .continued = samples?.answers[index] { true } else { false }
    }
    let heads =
      isContinued ? ["run", "likeliest", "drawn at temperature 0.8"] : ["run", "filled in", "candidates"]
    let table = Markup.table(head: [heads.map { .element("th", text: $0) }], rows: rows)
    return [.element("h3", text: "“\(prompt)”"), .element("div", ["class": "samples"], table)]
  }

  private func cells(_ answer: Samples.Answer, _ prompt: String) -> [Markup] {
    switch answer {
    case .continued(let likeliest, let drawn):
      return [likeliest, drawn].map { .element("td", ["class": "text"], continued($0, prompt)) }
    case .filled(let text, let candidates):
      let lists = candidates.map { list in
        list.map { "\($0.token) \(String(format: "%.3f", $0.probability))" }.joined(separator: ", ")
      }
      return [
        .element("td", ["class": "text"], text: text),
        .element("td", ["class": "text"], text: lists.joined(separator: "\n")),
      ]
    case .cannotFill:
      return [
        .element("td", ["class": "text"], text: "its tokenizer has no mask"),
        .element("td", ["class": "text"], text: ""),
      ]
    }
  }

  /// What was given in another shade than what was written.
  private func continued(_ text: String, _ prompt: String) -> [Markup] {
    guard !prompt.isEmpty, text.utf8.starts(with: prompt.utf8) else { return [.text(text)] }
    return [
      .element("span", ["class": "given"], text: prompt),
      .text(String(text.unicodeScalars.dropFirst(prompt.unicodeScalars.count))),
    ]
  }
}
