import Foundation
import Testing

@Suite struct ReportCommandTests {
  private func expectRefusal(
    _ result: Terminal.Result, code: Int32, _ parts: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(result.code == code && !result.wasKilled, "\(result.errors)", sourceLocation: sourceLocation)
    #expect(
      result.message.split(separator: "\n").count == 1, "\(result.errors)", sourceLocation: sourceLocation)
    for part in ["antlm: "] + parts {
      #expect(result.message.contains(part), "\(result.message)", sourceLocation: sourceLocation)
    }
  }

  @Test func runsOnAPage() throws {
    let terminal = Terminal()
    try terminal.prepare()
    for run in ["a", "b"] {
      #expect(try terminal.antlm(terminal.training(run, schedule: "4s_CLM+4s_MLM")).code == 0)
    }
    let one = try terminal.antlm("report", "a", "--device", "cpu")
    #expect(one.code == 0 && one.output.hasPrefix("report.html: 1 run, "), "\(one.errors)")
    let two = try terminal.antlm(
      "report", "a", "b", "--out", "two.html", "--title", "Two", "--prompt", "The [MASK].", "--device", "cpu")
    #expect(two.code == 0, "\(two.errors)")
    let page = String(decoding: try terminal.read("two.html"), as: UTF8.self)
    for text in ["<title>Two</title>", "The [MASK].", "4s_CLM+4s_MLM", "</html>"] {
      #expect(page.contains(text), "\(text)")
    }
    // What a run was found to be worth goes along.
    try terminal.write(
      Data(#"{"sentence_good": "The dog sleeps .", "sentence_bad": "The dog sleep ."}"#.utf8),
      to: "agree.jsonl")
    let pairs = ["eval", "pairs", "a", "agree.jsonl", "--scoring", "causal", "--device", "cpu"]
    #expect(try terminal.antlm(pairs).code == 0)
    #expect(try terminal.antlm(pairs + ["--limit", "1", "--rule", "2024"]).code == 0)
    let evaluated = try terminal.antlm("report", "a", "--out", "a.html", "--no-samples", "--device", "cpu")
    #expect(evaluated.code == 0, "\(evaluated.errors)")
    let tables = String(decoding: try terminal.read("a.html"), as: UTF8.self)
    for text in [
      "Minimal pairs of agree.jsonl, by the rule of 2025",
      "Minimal pairs of agree.jsonl (1 of a phenomenon at most), by the rule of 2024",
    ] {
      #expect(tables.contains(text), "\(text)")
    }
    try FileManager.default.createDirectory(
      atPath: terminal.path("sets"), withIntermediateDirectories: false)
    // What the command reads is not replaced, and a place that is missing is told before anything is scored.
    try terminal.write(
      Data(#"{"sentence_good": "A dog .", "sentence_bad": "A dogs ."}"#.utf8), to: "sets/one.jsonl")
    let sets = ["eval", "pairs", "a", "sets", "--device", "cpu", "--scores"]
    expectRefusal(try terminal.antlm(sets + ["sets/one.jsonl"]), code: 2, "sets/one.jsonl")
    for file in ["a/metrics.jsonl", "a/latest/model.safetensors"] {
      let before = try terminal.read(file)
      expectRefusal(try terminal.antlm(sets + [file]), code: 2, file)
      #expect(try terminal.read(file) == before)
    }
    expectRefusal(
      try terminal.antlm("eval", "pairs", "a", "sets", "sets/one.jsonl", "--device", "cpu"), code: 1, "twice")
    expectRefusal(
      try terminal.antlm("eval", "pairs", "a/latest", "sets", "--checkpoint", "step-4", "--device", "cpu"),
      code: 1, "a/latest", "--checkpoint")
    expectRefusal(try terminal.antlm(sets + ["none/scores.jsonl"]), code: 1, "none/scores.jsonl")
    // A checkpoint by itself belongs to no run, and a log that cannot be written does not cost the figures.
    let log = try terminal.read("a/evaluations.jsonl")
    #expect(try terminal.antlm(["eval", "pairs", "a/latest"] + pairs.dropFirst(3)).code == 0)
    #expect(try terminal.read("a/evaluations.jsonl") == log)
    try FileManager.default.removeItem(atPath: terminal.path("a/evaluations.jsonl"))
    try FileManager.default.createDirectory(
      atPath: terminal.path("a/evaluations.jsonl"), withIntermediateDirectories: false)
    let blocked = try terminal.antlm(pairs)
    #expect(blocked.code == 0 && blocked.output.contains("mean"), "\(blocked.errors)")
    #expect(blocked.errors.contains("not added to the run's evaluations: "), "\(blocked.errors)")
    try FileManager.default.removeItem(atPath: terminal.path("a/evaluations.jsonl"))
    // The same runs make the same page.
    let again = try terminal.antlm(
      "report", "a", "b", "--out", "again.html", "--title", "Two", "--prompt", "The [MASK].", "--device",
      "cpu")
    #expect(try again.code == 0 && terminal.read("again.html") == terminal.read("two.html"))
  }

  @Test func whatCannotBeShown() throws {
    let terminal = Terminal()
    try terminal.prepare()
    #expect(try terminal.antlm(terminal.training("run", schedule: "4s_CLM")).code == 0)
    let config = try terminal.read("run/config.json")
    let metrics = try terminal.read("run/metrics.jsonl")
    expectRefusal(try terminal.antlm("report"), code: 2, "run")
    expectRefusal(try terminal.antlm("report", "nowhere"), code: 1, "nowhere does not exist")
    expectRefusal(try terminal.antlm("report", ""), code: 1, "is not a run")
    expectRefusal(try terminal.antlm("report", "run", "./run/"), code: 2, "named twice")
    expectRefusal(try terminal.antlm("report", "run", "--out", "run/config.json"), code: 2, "run/config.json")
    expectRefusal(try terminal.antlm("report", "run", "--out", "run"), code: 1, "run", "directory")
    expectRefusal(try terminal.antlm("report", "run", "--out", "none/r.html"), code: 1, "none/r.html")
    expectRefusal(
      try terminal.antlm("report", "run", "--no-samples", "--prompt", "The"), code: 2, "--no-samples")
    let long = String(repeating: "The dog sleeps . ", count: 40)
    expectRefusal(try terminal.antlm("report", "run", "--prompt", long), code: 1, "48 positions")
    let full = try terminal.antlm("report", "run", "--no-samples", shell: "ulimit -f 1")
    expectRefusal(full, code: 1, "report.html")

    try terminal.write(metrics + Data("{\"step\": 2}\n".utf8), to: "run/metrics.jsonl")
    expectRefusal(try terminal.antlm("report", "run"), code: 1, "metrics.jsonl, line 5")
    try terminal.write(metrics, to: "run/metrics.jsonl")
    try terminal.write(Data("{\"kind\": \"pairs\"}\n".utf8), to: "run/evaluations.jsonl")
    expectRefusal(try terminal.antlm("report", "run"), code: 1, "evaluations.jsonl, line 1")
    try FileManager.default.removeItem(atPath: terminal.path("run/evaluations.jsonl"))

    let left = try FileManager.default.contentsOfDirectory(atPath: terminal.folder.path)
    #expect(!left.contains { $0.hasSuffix(".html") || $0.hasSuffix(".partial") }, "\(left)")
    #expect(try terminal.read("run/config.json") == config)
    #expect(try terminal.antlm("report", "run", "--no-samples").code == 0)
  }

  /// A run that holds its lock and writes is read all the same.
  @Test func aRunInTraining() throws {
    let terminal = Terminal()
    try terminal.prepare()
    let training = try terminal.start(terminal.training("run", schedule: "3000s_CLM+3000s_MLM"))
    defer { training.send(SIGKILL) }
    while !terminal.exists("run/latest") { usleep(20_000) }
    for _ in 0..<5 {
      let report = try terminal.antlm("report", "run", "--device", "cpu", "--prompt", "The")
      #expect(report.code == 0, "\(report.errors)")
    }
    training.send(SIGKILL)
    #expect(try training.wait().wasKilled)
    #expect(try terminal.antlm("report", "run", "--no-samples").code == 0)
  }
}
