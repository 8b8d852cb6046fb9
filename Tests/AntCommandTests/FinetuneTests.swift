import Foundation
import Testing

/// `antlm finetune classify` as a user runs it.
@Suite struct FinetuneTests {
  private let terminal = Terminal()

  init() throws {
    try terminal.prepare()
    #expect(try terminal.antlm(terminal.training("run", schedule: "3s_CLM")).code == 0)
    try FileManager.default.createDirectory(
      at: terminal.folder.appending(path: "glue"), withIntermediateDirectories: true)
    for (name, numbers) in [("train", 0..<18), ("valid", 18..<27)] {
      let lines = numbers.map { number in
        let subject = ["The dog", "Anna", "A girl"][number / 3 % 3]
        let (rest, label) = [("sees the ball.", 1), ("hugs a bird.", 0), ("sleeps.", 0)][number % 3]
        return "{\"sentence\": \"\(subject) \(rest)\", \"label\": \(label), \"idx\": \(100 + number)}\n"
      }
      try terminal.write(Data(lines.joined().utf8), to: "glue/sst2.\(name).jsonl")
    }
  }

  private func classify(_ more: String..., task: String = "sst2", data: String = "glue") -> [String] {
    [
      "finetune", "classify", "run", "--task", task, "--data", data, "--recipe", "2025", "--device", "cpu",
      "--threads", "1", "--batch", "6", "--lr", "2e-2", "--epochs", "8",
    ] + more
  }

  @Test func seedsPredictionsAndFolder() throws {
    let result = try terminal.antlm(
      classify("--seeds", "3", "4", "--predictions", "p.jsonl", "--out", "out", "--json"))
    #expect(result.code == 0, "\(result.errors)")
    let objects = try result.lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(objects.map { $0["seed"] as? Int } == [3, 4, nil])
    #expect(objects.allSatisfy { $0["recipe"] as? String == "2025" && $0["mode"] as? String == "causal" })
    let accuracies = try objects.dropLast().map { try #require($0["accuracy"] as? Double) }
    let mean = try #require((objects[2]["mean"] as? [String: Any])?["accuracy"] as? Double)
    let deviation = try #require((objects[2]["deviation"] as? [String: Any])?["accuracy"] as? Double)
    #expect(abs(mean - (accuracies[0] + accuracies[1]) / 2) < 1e-12)
    #expect(abs(deviation - abs(accuracies[0] - accuracies[1]) / 2.0.squareRoot()) < 1e-12)
    #expect((objects[2]["majority"] as? [String: Any])?["accuracy"] as? Double == 6.0 / 9)
    #expect(result.errors.contains("seed 4  epoch 8/8"))

    // The predictions are those of the better seed, example by example.
    let lines = try terminal.read("p.jsonl").split(separator: UInt8(ascii: "\n"))
    let predictions = try lines.map { try JSONDecoder().decode([String: Int].self, from: $0) }
    #expect(predictions.map { $0["idx"] } == (118..<127).map { $0 })
    let right = predictions.enumerated().filter { $1["pred"] == ($0 % 3 == 0 ? 1 : 0) }.count
    #expect(accuracies.max() == Double(right) / 9)
    // The folder is a model.
    #expect(
      try terminal.antlm("generate", "out", "--prompt", "The", "--tokens", "2", "--device", "cpu").code == 0)
    #expect(terminal.exists("out/classifier.safetensors") && terminal.exists("out/classifier.json"))

    // And a classifier, that says the same.
    let labelled = try terminal.antlm(
      "classify", "out", "glue/sst2.valid.jsonl", "--scores", "--device", "cpu")
    #expect(labelled.code == 0, "\(labelled.errors)")
    #expect(try Data(labelled.output.utf8) == terminal.read("p.jsonl"))
    let best = try #require(accuracies.max())
    #expect(labelled.errors.contains(String(format: "%.4f", best)))
    try terminal.write(Data("{\"sentence\": \"Anna sees the ball.\"}\n".utf8), to: "new.jsonl")
    #expect(
      try terminal.antlm("classify", "out", "new.jsonl", "--device", "cpu").output.hasPrefix("{\"idx\":0,"))
    expectRefusal(
      try terminal.antlm("classify", "out", "new.jsonl", "--scores", "--device", "cpu"), code: 1,
      "new.jsonl, line 1: no \"label\"")
    expectRefusal(
      try terminal.antlm("classify", "run", "new.jsonl", "--device", "cpu"), code: 1, "classifier.json")

    let table = try terminal.antlm(classify("--seeds", "3", "--limit", "6", "--epochs", "1"))
    #expect(table.code == 0, "\(table.errors)")
    #expect(table.lines.count == 4 && table.lines[1].hasPrefix("majority (0)"))
    #expect(table.lines[3].hasPrefix("sst2: accuracy 0."))
  }

  @Test func refusals() throws {
    expectRefusal(try terminal.antlm(classify(task: "rte")), code: 1, "glue/rte.train.jsonl")
    expectRefusal(try terminal.antlm(classify(task: "frobnicate")), code: 2, "frobnicate")
    expectRefusal(try terminal.antlm(classify(data: "absent")), code: 1, "absent/sst2.train.jsonl")
    expectRefusal(try terminal.antlm(classify("--mode", "sideways")), code: 2, "sideways")
    expectRefusal(try terminal.antlm(classify("--seeds", "1", "1")), code: 2, "--seeds")
    expectRefusal(try terminal.antlm(classify("--limit", "0")), code: 2, "--limit")
    expectRefusal(try terminal.antlm(classify("--length", "2")), code: 2, "--length")
    expectRefusal(try terminal.antlm(classify("--batch", "0")), code: 2, "--batch")
    expectRefusal(
      try terminal.antlm(classify("--predictions", "glue/sst2.valid.jsonl")), code: 2, "--predictions")
    expectRefusal(
      try terminal.antlm(classify("--select", "f1", task: "mnli", data: "glue")), code: 2, "--select f1")
    expectRefusal(try terminal.antlm(classify("--out", "run")), code: 1, "run is no empty folder")
    expectRefusal(try terminal.antlm(classify("--out", "dev.txt")), code: 1, "dev.txt")

    let same = try terminal.antlm(classify("--predictions", "x", "--out", "x"))
    expectRefusal(same, code: 2, "--predictions x would replace x", "see 'antlm finetune classify --help'")
    #expect(!terminal.exists("x"))
    let greatest = try terminal.antlm(
      classify("--seeds", "\(UInt64.max)", "--limit", "6", "--epochs", "1", "--json"))
    #expect(greatest.output.contains("\"seed\":18446744073709551615,"))
    #expect(greatest.output.contains("\"seeds\":[18446744073709551615]"))
    for (option, value) in [
      ("--length", "1"), ("--length", "100000"), ("--sequences", "-1"), ("--mask-rate", "2"),
    ] {
      let result = try terminal.antlm("eval", "perplexity", "run", "dev.txt", "\(option)=\(value)")
      expectRefusal(result, code: 2, "antlm: \(option) must be", "see 'antlm eval perplexity --help'")
    }

    // Said before the work, not after it.
    for arguments in [
      ["--predictions", "no/p.jsonl"], ["--predictions", "dev.txt/p.jsonl"], ["--predictions", "run"],
      ["--out", "dev.txt/out"], ["--out", "/proc/q"], ["--out", "/proc/q/x"],
    ] {
      let result = try terminal.antlm(classify() + arguments)
      expectRefusal(result, code: 1, arguments[1])
      #expect(!result.errors.contains("epoch"))
    }

    let good = try terminal.read("glue/sst2.valid.jsonl")
    for (line, part) in [
      ("{\"sentence\": \"a\", \"label\": 1", "no JSON"), ("{\"label\": 1}", "no \"sentence\""),
      ("{\"sentence\": \"a\", \"label\": 2}", "0 to 1"),
    ] {
      try terminal.write(good + Data((line + "\n").utf8), to: "glue/sst2.valid.jsonl")
      expectRefusal(
        try terminal.antlm(classify("--predictions", "q.jsonl", "--out", "new")), code: 1,
        "glue/sst2.valid.jsonl, line 10: ", part)
    }
    for (data, part) in [(Data(), "no text"), (Data([0, 1, 2]), "zero bytes"), (Data([0xff, 10]), "UTF-8")] {
      try terminal.write(data, to: "glue/sst2.valid.jsonl")
      expectRefusal(
        try terminal.antlm(classify("--predictions", "q.jsonl")), code: 1, "glue/sst2.valid.jsonl", part)
    }
    #expect(!terminal.exists("q.jsonl") && !terminal.exists("new"))

    // Longer than the model has positions: cut, and said so.
    let long = String(repeating: "The dog sees the ball. ", count: 40)
    try terminal.write(
      good + Data("{\"sentence\": \"\(long)\", \"label\": 1}\n".utf8), to: "glue/sst2.valid.jsonl")
    let cut = try terminal.antlm(classify("--epochs", "1"))
    #expect(cut.code == 0 && cut.errors.contains("1 of 10 inputs cut to 48 tokens"))
  }

  /// Asked to stop: the seeds that were finished are told, no file is written, and the exit code says so.
  @Test func interruption() throws {
    let running = try terminal.start(
      classify("--epochs", "10000", "--predictions", "p.jsonl", "--out", "out"))
    for _ in 0..<200 where running.process.isRunning && !running.hasSaid("epoch 2/10000") { usleep(50_000) }
    running.send(SIGINT)
    let result = try running.wait()
    #expect(result.code == 1 && !result.wasKilled, "\(result.errors)")
    #expect(result.errors.contains("stopped"))
    #expect(!terminal.exists("p.jsonl") && !terminal.exists("out"))
  }
}
