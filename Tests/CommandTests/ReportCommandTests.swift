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
    expectRefusal(try terminal.antlm("report", "nowhere"), code: 1, "nowhere is not a run")
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
