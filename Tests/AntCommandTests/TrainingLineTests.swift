import Foundation
import Testing

/// From text to a model that writes, fills in and scores, by the command line alone.
@Suite struct TrainingLineTests {
  @Test func theWholeLine() throws {
    let terminal = Terminal()
    try terminal.prepare()
    let trained = try terminal.antlm(terminal.training("run") + ["--json", "--eval-first"])
    #expect(trained.code == 0, "\(trained.errors)")
    let objects = try trained.lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(objects.first?["step"] as? Int == 0)
    #expect(objects.last?["devLossMLM"] is Double)
    #expect(try String(decoding: terminal.read("run/metrics.jsonl"), as: UTF8.self) == trained.output)
    for name in [
      "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors",
      "optimizer.safetensors", "trainer.json",
    ] {
      #expect(terminal.exists("run/latest/\(name)"), "\(name)")
    }
    #expect(terminal.exists("run/best/model.safetensors") && !terminal.exists("run/lock"))

    let written = try terminal.antlm(
      "generate", "run", "--prompt", "The dog", "--count", "3", "--tokens", "60", "--device", "cpu")
    #expect(written.code == 0 && written.lines.count >= 3, "\(written.errors)")
    #expect(written.lines.allSatisfy { $0.hasPrefix("The dog") } || written.output.contains("The dog"))
    #expect(
      try terminal.antlm(
        "generate", "run", "--prompt", "The dog", "--count", "3", "--tokens", "60", "--device", "cpu"
      ).output
        == written.output)

    let filled = try terminal.antlm(
      "fill", "run", "The dog [MASK] the [MASK] .", "--top", "3", "--json", "--device", "cpu")
    #expect(filled.code == 0 && filled.lines.count == 2, "\(filled.errors)")
    for line in filled.lines {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let probabilities =
        (object["candidates"] as? [[String: Any]])?.compactMap { $0["probability"] as? Double } ?? []
      #expect(probabilities.count == 3 && probabilities == probabilities.sorted(by: >))
    }

    try terminal.write(Data("The dog sleeps.\n\nThe dogs sleep.\n".utf8), to: "lines.txt")
    for scoring in ["causal", "mlm", "mntp"] {
      let scored = try terminal.antlm(
        "score", "run", "--scoring", scoring, "lines.txt", "--json", "--device", "cpu")
      try #require(scored.code == 0 && scored.lines.count == 3, "\(scored.errors)")
      let objects = try scored.lines.map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      let logProbabilities = objects.compactMap { $0["logProbability"] as? Double }
      #expect(logProbabilities.count == 3 && logProbabilities.allSatisfy { $0 < 0 })
      #expect(abs(logProbabilities[0] + logProbabilities[1] - logProbabilities[2]) < 1e-9)
      #expect(objects[1]["line"] as? Int == 3)
    }
  }

  @Test func aSignalSavesAndTheRunGoesOn() throws {
    let terminal = Terminal()
    try terminal.prepare()
    let whole = try terminal.antlm(terminal.training("whole", schedule: "6_CLM+2_MLM"))
    #expect(whole.code == 0 && whole.output.contains("dev loss after:  CLM"), "\(whole.errors)")
    // Nothing was evaluated before the first step.
    #expect(!whole.output.contains("step 0/") && !whole.output.contains("dev loss before"))
    let running = try terminal.start(terminal.training("run", schedule: "6_CLM+2_MLM"))
    try waitForLines(4, in: terminal.path("run/metrics.jsonl"), of: running)
    running.send(SIGTERM)
    let result = try running.wait()
    #expect(result.code == 0 && !result.wasKilled, "\(result.errors)")
    #expect(result.output.contains("antlm train --resume run"), "\(result.output)")
    let resumed = try terminal.antlm("train", "--resume", "run", "--threads", "2")
    #expect(resumed.code == 0, "\(resumed.errors)")
    try expectEqualRuns(terminal, "whole", "run")
  }

  /// kill -9 again and again at arbitrary moments, until the run is through.
  @Test func aKilledRunGoesOnAsIfNothingHadHappened() throws {
    let terminal = Terminal()
    try terminal.prepare()
    let schedule = "2_CLM+1_MLM+9s_CLM"
    let start = ContinuousClock.now
    #expect(try terminal.antlm(terminal.training("whole", schedule: schedule)).code == 0)
    let whole = (ContinuousClock.now - start) / .microseconds(1)
    var random = SystemRandomNumberGenerator()
    var kills = 0
    var running = try terminal.start(terminal.training("run", schedule: schedule))
    for attempt in 0..<60 {
      // A part of what an undisturbed run takes; later attempts are given longer, so that one gets through.
      usleep(UInt32(whole * Double.random(in: 0.02...0.3 + 0.03 * Double(attempt), using: &random)))
      running.send(SIGKILL)
      let result = try running.wait()
      if !result.wasKilled {
        #expect(result.code == 0, "\(result.errors)")
        break
      }
      kills += 1
      running =
        terminal.exists("run/config.json")
        ? try terminal.start(["train", "--resume", "run"])
        : try terminal.start(terminal.training("run", schedule: schedule))
    }
    _ = try running.wait()
    #expect(kills >= 3)
    try expectEqualRuns(terminal, "whole", "run")
  }

  private func waitForLines(_ count: Int, in path: String, of running: Terminal.Running) throws {
    for _ in 0..<3000 where running.process.isRunning {
      let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      if text.filter({ $0 == "\n" }).count >= count { return }
      usleep(10_000)
    }
    Issue.record("the run ended or hung before it had \(count) steps")
  }

  private func expectEqualRuns(_ terminal: Terminal, _ a: String, _ b: String) throws {
    for name in ["model.safetensors", "optimizer.safetensors", "trainer.json", "config.json"] {
      #expect(try terminal.read("\(a)/latest/\(name)") == terminal.read("\(b)/latest/\(name)"), "\(name)")
    }
    let timing = #/,"(tokensPerSecond|secondsElapsed)":[^,}]*/#
    let metrics = try [a, b].map {
      String(decoding: try terminal.read("\($0)/metrics.jsonl"), as: UTF8.self).replacing(timing, with: "")
    }
    #expect(metrics[0] == metrics[1])
    let names = try FileManager.default.contentsOfDirectory(atPath: terminal.path("\(b)/checkpoints"))
    #expect(names.allSatisfy { $0.hasPrefix("step-") }, "\(names)")
  }
}
