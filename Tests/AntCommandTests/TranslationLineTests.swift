import Foundation
import Testing

/// Translating, and scoring translations, by the command line.
@Suite struct TranslationLineTests {
  private func score(_ terminal: Terminal, _ hypotheses: String, _ references: String, _ more: String...)
    throws -> Terminal.Result
  {
    try terminal.antlm(
      ["eval", "translation", "--hypotheses", hypotheses, "--references", references] + more)
  }

  /// a b x d e against a b c d e, see TranslationScoreTests; and a line left blank, which counts.
  @Test func scoresFiles() throws {
    let terminal = Terminal()
    try terminal.write(Data("a b x d e\n\n".utf8), to: "out")
    try terminal.write(Data("a b c d e\nf\n".utf8), to: "reference")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(score(terminal, "out", "reference", "--json").output.utf8))
        as? [String: Any])
    let expected = 100 * pow(0.8 * 0.5 / 6 / 8, 0.25) * exp(1 - 6.0 / 5)
    #expect(abs(try #require(object["bleu"] as? Double) - expected) < 1e-9)
    #expect(object["sentences"] as? Int == 2)
    let line = try score(terminal, "out", "reference").output
    #expect(
      line.hasPrefix("BLEU \(String(format: "%.2f", expected)) (80.0/50.0/0.0/0.0, brevity 0.819)  chrF "))
  }

  @Test func refusesFilesThatDoNotCorrespond() throws {
    let terminal = Terminal()
    let files: [String: Data] = [
      "two": Data("a\nb\n".utf8), "three": Data("a\nb\nc".utf8), "blank": Data("a\n \n".utf8),
      "empty": Data(),
      "latin1": Data([97, 10, 233, 10]), "binary": Data([97, 0, 10]),
    ]
    for (name, data) in files { try terminal.write(data, to: name) }
    expectRefusal(try score(terminal, "two", "three"), code: 1, "two has 2 lines and three 3")
    expectRefusal(try score(terminal, "two", "blank"), code: 1, "blank, line 2")
    expectRefusal(try score(terminal, "latin1", "two"), code: 1, "latin1, line 2", "UTF-8")
    for name in ["empty", "binary", "missing"] {
      expectRefusal(try score(terminal, name, "two"), code: 1, name)
    }
    #expect(try score(terminal, "blank", "two").code == 0)
  }

  @Test func judgesWhatIsGenerated() throws {
    let terminal = Terminal()
    try terminal.prepare()
    #expect(try terminal.antlm(terminal.training("run", schedule: "2s_CLM")).code == 0)
    try terminal.write(Data("The dog\n\nA cat sees\n".utf8), to: "prompts")
    let arguments = ["eval", "generate", "run", "--prompts", "prompts", "--count", "3", "--device", "cpu"]
    let json = try terminal.antlm(arguments + ["--tokens", "9", "--json"])
    #expect(json.code == 0, "\(json.errors)")
    let objects = try json.lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(objects.map { $0["texts"] as? Int } == [3, 3, 6])
    #expect(objects.map { $0["prompt"] as? String } == ["The dog", "A cat sees", nil])
    let perplexities = objects.compactMap { $0["perplexity"] as? Double }
    #expect(perplexities.count == 3 && perplexities.allSatisfy { $0 > 1 && $0 < 1000 })
    #expect((objects[0]["continuations"] as? [String])?.count == 3)
    #expect(try terminal.antlm(arguments + ["--tokens", "9", "--json"]).output == json.output)
    // Without --prompts and --tokens: what the model has room for.
    let table = try terminal.antlm("eval", "generate", "run", "--count", "1", "--device", "cpu")
    #expect(table.code == 0 && table.lines.count == 12 && table.output.contains("self-BLEU"))
    expectRefusal(
      try terminal.antlm(arguments + ["--tokens", "48"]), code: 1, "prompts, line 1", "48 positions",
      "--tokens")
    expectRefusal(try terminal.antlm(arguments + ["--count", "0"]), code: 2, "--count")
    expectRefusal(try terminal.antlm(arguments + ["--temperature=-1"]), code: 2, "--temperature")
  }

  /// A run that has not learned much, and pairs of which the target is the source.
  private func prepare(_ terminal: Terminal) throws {
    try terminal.prepare()
    #expect(try terminal.antlm(terminal.training("run", schedule: "2s_CLM")).code == 0)
    let lines = (0..<40).map {
      "\(["dog", "cat", "girl", "king"][$0 % 4]) \(["sees", "likes"][$0 / 4 % 2])\n"
    }
    try terminal.write(Data(lines.joined().utf8), to: "source")
    try terminal.write(Data(lines.joined().utf8), to: "target")
    try terminal.write(Data(lines[..<5].joined().utf8), to: "dev")
  }

  private func finetune(_ more: String...) -> [String] {
    [
      "finetune", "translate", "run", "--source", "source", "--target", "target", "--device", "cpu",
      "--threads",
      "1", "--batch", "10", "--lr", "1e-2",
    ] + more
  }

  @Test(arguments: ["prefix", "causal"])
  func finetunesAndTranslates(mask: String) throws {
    let terminal = Terminal()
    try prepare(terminal)
    let result = try terminal.antlm(
      finetune(
        "--dev-source", "dev", "--dev-target", "dev", "--mask", mask, "--epochs", "3", "--beam", "2", "--out",
        "model",
        "--output", "out", "--json"))
    #expect(result.code == 0, "\(result.errors)")
    let objects = try result.lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(objects.map { $0["epoch"] as? Int } == [1, 2, 3, nil, nil])
    #expect(objects.map { $0["beam"] as? Int } == [nil, nil, nil, 1, 2])
    let losses = objects.compactMap { $0["devLoss"] as? Double }
    #expect(losses.count == 3 && losses[2] < losses[0])
    // What it wrote is what it scored, and what the folder gives.
    let scored = try score(terminal, "out", "dev", "--json")
    let again = try JSONSerialization.jsonObject(with: Data(scored.output.utf8)) as? [String: Any]
    #expect(again?["chrf"] as? Double == objects[4]["chrf"] as? Double)
    let translated = try terminal.antlm("translate", "model", "dev", "--beam", "2", "--device", "cpu")
    #expect(translated.code == 0, "\(translated.errors)")
    #expect(Data(translated.output.utf8) == (try terminal.read("out")))
    #expect(String(decoding: try terminal.read("model/translation.json"), as: UTF8.self).contains(mask))
    // A line gives a line, a blank one a blank one.
    try terminal.write(Data("dog sees\n\ncat likes".utf8), to: "text")
    let lines = try terminal.antlm("translate", "model", "text", "--device", "cpu", "--output", "to")
    #expect(lines.code == 0, "\(lines.errors)")
    let written = String(decoding: try terminal.read("to"), as: UTF8.self).components(separatedBy: "\n")
    #expect(written.count == 4 && written[1].isEmpty && written[3].isEmpty)
    let json = try terminal.antlm("translate", "model", "text", "--device", "cpu", "--json")
    #expect(json.lines.count == 3 && json.lines[0].hasPrefix("{\"source\":\"dog sees\""))
  }

  @Test func refusesWhatCannotBeTranslated() throws {
    let terminal = Terminal()
    try prepare(terminal)
    func refuse(
      _ more: String..., code: Int32 = 1, naming parts: String...,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let result = try terminal.antlm(finetune("--out", "model") + more)
      expectRefusal(result, code: code, parts[0], parts[parts.count - 1], sourceLocation: sourceLocation)
      #expect(!terminal.exists("model"), sourceLocation: sourceLocation)
    }
    let long = Data(String(repeating: "so many words ", count: 30).utf8)
    for (name, data) in [
      ("three", Data("a\nb\nc\n".utf8)), ("blank", Data("a\n\nc\n".utf8)), ("empty", Data()),
      ("latin1", Data([97, 10, 233, 10])), ("long", Data("a\n".utf8) + long + Data("\n".utf8)),
      ("two", Data("a\nb\n".utf8)),
      ("longest", long),
    ] { try terminal.write(data, to: name) }
    try refuse("--source", "three", naming: "three has 3 lines and target 40")
    try refuse("--source", "blank", "--target", "three", naming: "blank, line 2")
    try refuse("--source", "empty", naming: "empty")
    try refuse("--source", "latin1", naming: "latin1, line 2")
    try refuse("--source", "missing", naming: "missing")
    try refuse("--source", "longest", "--target", "longest", naming: "longest", "48 positions")
    try refuse("--dev-source", "long", "--dev-target", "two", naming: "long, line 2", "48 positions")
    try refuse("--dev-source", "two", code: 2, naming: "--dev-target")
    try refuse("--output", "two", code: 2, naming: "--output")
    try refuse("--mask", "sideways", code: 2, naming: "sideways")
    try refuse("--beam", "0", code: 2, naming: "--beam")
    try refuse("--lr", "0", code: 2, naming: "--lr")
    try refuse("--epochs", "0", code: 2, naming: "--epochs")
    expectRefusal(try terminal.antlm(finetune("--out", "run")), code: 1, "run is no empty folder")
    expectRefusal(try terminal.antlm(finetune("--out", "/proc/q")), code: 1, "/proc/q")

    // A training pair that does not fit is left out and counted.
    let some = try terminal.antlm(
      finetune("--source", "long", "--target", "two", "--epochs", "1", "--out", "some"))
    #expect(some.code == 0 && some.errors.contains("long: 1 of 2 pairs"), "\(some.errors)")
    expectRefusal(
      try terminal.antlm("translate", "some", "long", "--device", "cpu"), code: 1, "long, line 2",
      "48 positions")
    expectRefusal(try terminal.antlm("translate", "some", "empty", "--device", "cpu"), code: 1, "empty")
    expectRefusal(try terminal.antlm("translate", "run", "two", "--device", "cpu"), code: 1, "--mask")
    #expect(try terminal.antlm("translate", "run", "two", "--mask", "causal", "--device", "cpu").code == 0)
    try terminal.write(Data("{\"mask\": 3".utf8), to: "some/translation.json")
    expectRefusal(
      try terminal.antlm("translate", "some", "two", "--device", "cpu"), code: 1, "translation.json")
    expectRefusal(
      try terminal.antlm("translate", "some", "two", "--output", "two"), code: 2, "--output two would replace"
    )
    // Said before the model is opened.
    for output in ["absent/x", "run"] {
      expectRefusal(
        try terminal.antlm("translate", "nothing", "two", "--output", output), code: 1, "write \(output):")
    }
  }
}
