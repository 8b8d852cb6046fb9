import Foundation
import Testing

/// Whatever a user may get wrong: one line that says what, where and what to do; exit 1 or 2; nothing lost.
@Suite struct BadInputTests {
  @Test func usage() throws {
    let terminal = Terminal()
    expectRefusal(try terminal.antlm("frobnicate"), code: 2, "frobnicate")
    expectRefusal(try terminal.antlm("train"), code: 2, "--model")
    expectRefusal(try terminal.antlm("train", "--batch", "many"), code: 2, "many")
    expectRefusal(try terminal.antlm("train", "--resume", "run", "--lr", "1"), code: 2, "--lr")
    expectRefusal(try terminal.antlm("generate", "run", "--temperature", "-1"), code: 2, "--temperature")
    expectRefusal(try terminal.antlm("score", "run", "--scoring", "sideways", "x"), code: 2, "sideways")
    expectRefusal(
      try terminal.antlm("corpus", "--out", "c.txt", "--pairs", "p", "--pairs-each", "1000000"), code: 2,
      "--pairs-each", "10000")
    expectRefusal(
      try terminal.antlm("tokenizer", "train", "--vocab", "99999999", "--out", "t", "x"), code: 2, "4194304")
    expectRefusal(
      try terminal.antlm("tokenizer", "train", "--vocab", "3", "--out", "t", "x"), code: 2,
      "see 'antlm tokenizer train --help'")
    expectRefusal(
      try terminal.antlm("eval", "pairs", "run"), code: 2, "see 'antlm eval pairs --help'")
    for help in [["help", "frobnicate"], ["help", "tokenizer", "frobnicate"]] {
      expectRefusal(try terminal.antlm(help), code: 2, "no command 'frobnicate'")
    }
    for help in [["help"], ["help", "help"], ["help", "tokenizer", "train"], ["help", "--help"]] {
      #expect(try terminal.antlm(help).code == 0, "\(help)")
    }
    expectRefusal(try terminal.antlm("presets", "foo"), code: 2, "antlm: preset is 'foo'")
    expectRefusal(try terminal.antlm("train", "--preset", "foo"), code: 2, "antlm: --preset is 'foo'")
    expectRefusal(
      try terminal.antlm("corpus", "--out", "c", "--sentences", "9999999999"), code: 2, "1 to 1000000000")
    expectRefusal(
      try terminal.antlm("score", "run", "--scoring", "prefix", "x"), code: 2, "antlm eval pairs")
    #expect(try !terminal.antlm("score", "--help").output.contains("prefix"))
    #expect(try terminal.antlm("--help").code == 0)
    #expect(try terminal.antlm("train", "--help").output.contains("antlm train --resume"))
  }

  /// Standard streams that cannot be read or written: a message where there is a place for it, never a trap.
  @Test func standardStreams() throws {
    let terminal = Terminal()
    try terminal.prepare()
    #expect(try terminal.antlm("tokenizer", "encode", "tok.json", "dev.txt", shell: "exec >ids").code == 0)
    for arguments in [
      ["corpus", "--sentences", "3", "--out", "c.txt"], ["tokenizer", "encode", "tok.json", "dev.txt"],
      ["tokenizer", "decode", "tok.json", "ids"], ["devices", "--json"], ["--help"],
    ] {
      expectRefusal(
        try terminal.antlm(arguments, shell: "exec >/dev/full"), code: 1, "standard output", "o space left")
      expectRefusal(try terminal.antlm(arguments, shell: "exec >&-"), code: 1, "standard output")
      for shell in ["exec 2>/dev/full", "exec 2>&-"] {
        #expect(try terminal.antlm(arguments, shell: shell).code == 0, "\(arguments) \(shell)")
        #expect(try terminal.antlm("frobnicate", shell: shell).code == 2)
      }
    }
    for shell in ["exec </", "exec <&-"] {
      expectRefusal(
        try terminal.antlm("tokenizer", "encode", "tok.json", shell: shell), code: 1, "standard input")
    }
    // Nobody reads the progress, but the run is as good.
    let unread = try terminal.antlm(
      terminal.training("run", schedule: "2s_CLM"), shell: "exec >/dev/full 2>/dev/full")
    #expect(unread.code == 1 && !unread.wasKilled)
    #expect(terminal.exists("run/checkpoints/step-2/model.safetensors"))
    // No file gets the place of a closed stream, and so what is printed there.
    let closed = try terminal.antlm(
      terminal.training("closed", schedule: "2s_CLM"), shell: "exec >&- 2>&- <&-")
    #expect(closed.code == 1 && !closed.wasKilled)
    let metrics = try ["run", "closed"].map {
      try terminal.read("\($0)/metrics.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
        (try JSONSerialization.jsonObject(with: line) as? [String: Any])?["step"] as? Int
      }
    }
    #expect(metrics[0] == metrics[1])
    // A reader that goes away early: the run is saved.
    let piped = try terminal.antlm(
      terminal.training("piped", schedule: "500s_CLM") + ["--json"],
      shell: #""$0" "$@" | head -n 1; exit"#)
    #expect(piped.errors.contains("Broken pipe"), "\(piped.errors)")
    #expect(terminal.exists("piped/latest/model.safetensors"))
  }

  /// What has the name of a file to write and is none, or is needed.
  @Test func outputsThatMustNotBeReplaced() throws {
    let terminal = Terminal()
    try terminal.prepare()
    #expect(mkfifo(terminal.path("pipe"), 0o600) == 0)
    try FileManager.default.createSymbolicLink(
      atPath: terminal.path("link.txt"), withDestinationPath: "train.txt")
    expectRefusal(try terminal.antlm("corpus", "--sentences", "3", "--out", "pipe"), code: 2, "pipe")
    expectRefusal(
      try terminal.antlm("corpus", "--sentences", "3", "--out", "c.txt", "--pairs", "./c.txt"), code: 2,
      "c.txt")
    expectRefusal(
      try terminal.antlm("tokenizer", "train", "--vocab", "300", "--out", "pipe", "train.txt"), code: 2,
      "pipe")
    let text = try terminal.read("train.txt")
    expectRefusal(
      try terminal.antlm("tokenizer", "train", "--vocab", "300", "--out", "link.txt", "train.txt"), code: 2,
      "link.txt")
    #expect(try terminal.read("train.txt") == text)
    #expect(try terminal.antlm("corpus", "--sentences", "3", "--out", "link.txt").code == 0)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: terminal.path("link.txt")) == "train.txt")
    try terminal.write(text, to: "train.txt")

    // A folder that holds a tokenizer of the user's own is no new run's.
    try terminal.antlm("tokenizer", "train", "--vocab", "280", "--out", "other.json", "train.txt")
    try FileManager.default.createDirectory(atPath: terminal.path("own"), withIntermediateDirectories: true)
    let other = try terminal.read("other.json")
    try terminal.write(other, to: "own/tokenizer.json")
    expectRefusal(try terminal.antlm(terminal.training("own")), code: 1, "own", "not empty")
    #expect(try terminal.read("own/tokenizer.json") == other)
    expectRefusal(try terminal.antlm(terminal.training("")), code: 2, "--out")
  }

  @Test func filesThatAreNotText() throws {
    let terminal = Terminal()
    try terminal.prepare()
    try terminal.write(Data(), to: "empty.txt")
    try terminal.write(Data((0..<4000).map { UInt8(truncatingIfNeeded: $0) }), to: "binary.txt")
    try terminal.write(Data("fine\nnot \u{e9}\n".unicodeScalars.map { UInt8($0.value) }), to: "latin1.txt")
    for name in ["missing.txt", "empty.txt", "binary.txt", "latin1.txt"] {
      var arguments = terminal.training("run")
      arguments[arguments.firstIndex(of: "train.txt")!] = name
      expectRefusal(try terminal.antlm(arguments), code: 1, name)
      #expect(!terminal.exists("run"))
      expectRefusal(
        try terminal.antlm("tokenizer", "train", "--vocab", "300", "--out", "t.json", name), code: 1, name)
      #expect(!terminal.exists("t.json"))
    }
  }

  @Test func optionsThatDoNotFit() throws {
    let terminal = Terminal()
    try terminal.prepare()
    func train(_ option: String, _ value: String) throws -> Terminal.Result {
      var arguments = terminal.training("run")
      if let place = arguments.firstIndex(of: option) {
        arguments[place + 1] = value
      } else {
        arguments += [option, value]
      }
      return try terminal.antlm(arguments)
    }
    expectRefusal(try train("--schedule", "4_CLM+16_MML"), code: 2, "column 10", "'MML'")
    expectRefusal(try train("--length", "64"), code: 2, "64 tokens", "48", "--length")
    expectRefusal(try train("--batch", "0"), code: 2, "--batch")
    expectRefusal(try train("--lr", "nan"), code: 2, "--lr")
    expectRefusal(try train("--accumulate", "9"), code: 2, "--accumulate")
    expectRefusal(try train("--lr", "101"), code: 2, "--lr", "at most 100")
    expectRefusal(try train("--weight", "CLM=1,CLM=2"), code: 2, "--weight", "one value for CLM")
    expectRefusal(try train("--device", "abacus"), code: 2, "abacus", "antlm devices")
    expectRefusal(try train("--model", "llama-giant"), code: 2, "llama-giant", "llama-mini")
    expectRefusal(try train("--tokenizer", "missing.json"), code: 1, "missing.json")
    expectRefusal(try train("--train", ""), code: 2, "--train")
    // Sizes whose product no integer holds.
    let model = String(decoding: try terminal.read("model.json"), as: UTF8.self)
    try terminal.write(
      Data(
        model.replacing("hidden_size\": 16", with: "hidden_size\": \(1 << 24)")
          .replacing("num_hidden_layers\": 1", with: "num_hidden_layers\": 4096").utf8), to: "giant.json")
    expectRefusal(try train("--model", "giant.json"), code: 1, "giant.json", "parameters")
    expectRefusal(try train("--tokenizer", "train.txt"), code: 1, "train.txt")
    #expect(
      try terminal.antlm("tokenizer", "train", "--vocab", "320", "--out", "other.json", "train.txt").code == 0
    )
    // A smaller one would do: models may be padded.
    expectRefusal(try train("--tokenizer", "other.json"), code: 1, "other.json", "only 300")
    #expect(!terminal.exists("run"))
    // No clipping is no bad input: JSON has no infinity, but config.json keeps it.
    #expect(
      try terminal.antlm(
        terminal.training("run", schedule: "4s_CLM", ["--clip", "inf", "--max-steps", "3"])
      ).code == 0)
    #expect(try terminal.antlm("train", "--resume", "run").code == 0)
  }

  @Test func foldersThatAreNotRuns() throws {
    let terminal = Terminal()
    try terminal.prepare()
    try FileManager.default.createDirectory(
      atPath: terminal.path("thesis"), withIntermediateDirectories: true)
    try terminal.write(Data("text".utf8), to: "thesis/chapter1.tex")
    expectRefusal(try terminal.antlm(terminal.training("thesis")), code: 1, "thesis", "not empty")
    #expect(try terminal.read("thesis/chapter1.tex") == Data("text".utf8))
    for arguments in [
      ["train", "--resume", "thesis"], ["generate", "thesis"],
      ["score", "thesis", "--scoring", "causal", "train.txt"],
    ] {
      expectRefusal(try terminal.antlm(arguments), code: 1, "is not a run")
    }
    for arguments in [
      ["train", "--resume", "nowhere"], ["generate", "nowhere"], ["fill", "nowhere", "a [MASK]"],
      ["report", "nowhere"], ["export", "nowhere", "--out", "model"], ["classify", "nowhere", "train.txt"],
      ["train", "--init", "nowhere", "--schedule", "1s_CLM", "--train", "train.txt", "--out", "run"],
    ] {
      expectRefusal(try terminal.antlm(arguments), code: 1, "nowhere does not exist")
    }
    expectRefusal(try terminal.antlm(terminal.training("train.txt")), code: 1, "is no folder", "--out")
    #expect(try terminal.antlm(terminal.training("run", schedule: "2s_CLM")).code == 0)
    expectRefusal(try terminal.antlm(terminal.training("run")), code: 1, "--resume run")
    expectRefusal(
      try terminal.antlm("generate", "run", "--checkpoint", "step-9"), code: 1, "step-9", "step-2")
    expectRefusal(try terminal.antlm("fill", "run", "no blank"), code: 1, "[MASK]")
    let long = String(repeating: "The dog sleeps . ", count: 40)
    expectRefusal(try terminal.antlm("fill", "run", "[MASK]" + long), code: 1, "48 positions")
    expectRefusal(try terminal.antlm("generate", "run", "--prompt", long), code: 1, "48 positions")
    try terminal.write(Data("short\n\(long)\n".utf8), to: "long.txt")
    expectRefusal(try terminal.antlm("score", "run", "--scoring", "causal", "long.txt"), code: 1, "line 2")
  }

  /// A place that is none is said before the work, not after it.
  @Test func placesAreAskedAboutFirst() throws {
    let terminal = Terminal()
    try terminal.prepare()
    // A pipe that nobody writes to: who reads it waits.
    #expect(mkfifo(terminal.path("pipe"), 0o600) == 0)
    expectRefusal(
      try terminal.antlm("tokenizer", "train", "--vocab", "300", "--out", "none/t.json", "pipe"), code: 1,
      "cannot write none/t.json")
    expectRefusal(
      try terminal.antlm("corpus", "--out", "c.txt", "--pairs", "none/p", "--sentences", "999999999"),
      code: 1,
      "cannot write none/p")
    expectRefusal(try terminal.antlm("study", "--out", "train.txt"), code: 1, "train.txt is there", "--out")
    var training = terminal.training("train.txt/run")
    training[try #require(training.firstIndex(of: "train.txt"))] = "pipe"
    expectRefusal(try terminal.antlm(training), code: 1, "cannot write train.txt/run")
  }

  @Test func damagedWeights() throws {
    let terminal = Terminal()
    try terminal.prepare()
    #expect(try terminal.antlm(terminal.training("run", schedule: "2s_CLM")).code == 0)
    let name = "run/latest/model.safetensors"
    let whole = try terminal.read(name)
    var flipped = whole
    flipped[whole.count / 2] ^= 1
    var header = whole
    header[20] ^= 1
    for damaged in [Data(), whole.prefix(6), whole.prefix(whole.count - 1), flipped, header] {
      try terminal.write(damaged, to: name)
      expectRefusal(try terminal.antlm("generate", "run"), code: 1, "model.safetensors")
      expectRefusal(try terminal.antlm("train", "--resume", "run"), code: 1, "model.safetensors")
    }
    try terminal.write(whole, to: name)
    #expect(try terminal.antlm("generate", "run").code == 0)
    // The tokenizer of another model.
    try terminal.antlm("tokenizer", "train", "--vocab", "280", "--out", "other.json", "train.txt")
    try terminal.write(try terminal.read("other.json"), to: "run/latest/tokenizer.json")
    expectRefusal(try terminal.antlm("generate", "run"), code: 1, "tokenizer.json")
  }

  /// A limit on file sizes that lets the tokenizer through but no checkpoint: what a full disk does.
  @Test func noRoomForACheckpoint() throws {
    let terminal = Terminal()
    try terminal.prepare()
    #expect(
      try terminal.antlm(terminal.training("run", schedule: "3s_CLM+60s_MLM", ["--max-steps", "3"])).code == 0
    )
    let running = terminal.training("full", schedule: "3s_CLM+3s_MLM")
    let full = try terminal.antlm(running, shell: "ulimit -f 30")
    expectRefusal(full, code: 1, "step 3")
    #expect(!terminal.exists("full/latest"))
    let names = try FileManager.default.contentsOfDirectory(atPath: terminal.path("full/checkpoints"))
    #expect(names.isEmpty, "\(names)")
    #expect(try terminal.antlm("train", "--resume", "full").code == 0)
  }

  /// A disk of its own that fills up in the middle of a run.
  @Test(.enabled(if: mayMount, "mounting a small disk needs root")) func aFullDisk() throws {
    let terminal = Terminal()
    try terminal.prepare()
    let disk = terminal.path("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    #expect(Self.shell("\(Self.mount) '\(disk)'") == 0)
    defer { _ = Self.shell("umount '\(disk)'") }
    let whole = terminal.training("whole", schedule: "12s_CLM", ["--keep", "1"])
    #expect(try terminal.antlm(whole).code == 0)
    let first = try terminal.antlm(terminal.training("disk/run", schedule: "12s_CLM", ["--keep", "0"]))
    expectRefusal(first, code: 1, "o space left", "--resume")
    let kept = try FileManager.default.contentsOfDirectory(atPath: disk + "/run/checkpoints")
    #expect(!kept.isEmpty && kept.allSatisfy { $0.hasPrefix("step-") }, "\(kept)")
    #expect(try terminal.antlm("generate", "disk/run").code == 0)
    #expect(Self.shell("mount -o remount,size=8m '\(disk)'") == 0)
    #expect(try terminal.antlm("train", "--resume", "disk/run").code == 0)
    #expect(
      try terminal.read("disk/run/latest/model.safetensors")
        == terminal.read("whole/latest/model.safetensors"))
  }

  private static let mount = "mount -t tmpfs -o size=400k tmpfs"
  private static let mayMount =
    shell("d=$(mktemp -d) && \(mount) $d 2>/dev/null && umount $d && rmdir $d") == 0

  private static func shell(_ command: String) -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", command]
    guard (try? process.run()) != nil else { return -1 }
    process.waitUntilExit()
    return process.terminationStatus
  }
}
