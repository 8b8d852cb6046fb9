import AntFiles
import AntModels
import AntTestSupport
import Foundation
import Synchronization
import Testing

@testable import AntTraining

@Suite struct RunDirectoryTests {
  private let scratch = Scratch()

  private func makeRun(_ name: String = "run") throws -> RunDirectory {
    let run = try RunDirectory.create(scratch.path(name))
    try FileSystem.write(Data("{}".utf8), to: run.configuration)
    return run
  }

  private func writeStep(_ step: Int, to run: RunDirectory, best: Int? = nil, keep: Int = 2) throws {
    try run.writeCheckpoint(step: step, best: best, keep: keep) { folder in
      for name in ["a", "b", "c"] {
        try FileSystem.write(Data("\(name) \(step)".utf8), to: folder.appending(path: name))
      }
    }
  }

  @Test func keepsTheNewestAndTheBest() throws {
    let run = try makeRun()
    for step in [10, 20, 30, 40] { try writeStep(step, to: run, best: 10) }
    #expect(try run.checkpoints().map(\.step) == [10, 30, 40])
    #expect(try run.checkpoint().step == 40)
    #expect(try run.checkpoint("best").step == 10)
    #expect(try run.checkpoint("step-30").step == 30)
    #expect(FileSystem.target(of: run.latest) == "checkpoints/step-40")
    #expect(throws: RunError.self) { try run.checkpoint("step-20") }
    try writeStep(50, to: run, best: 50, keep: 0)
    #expect(try run.checkpoints().map(\.step) == [10, 30, 40, 50])
  }

  /// Copies the folder at every durable step of a write: each copy is what a kill at that moment leaves.
  @Test func aKillAtAnyMomentLeavesAWholeCheckpoint() throws {
    var run = try makeRun()
    try writeStep(1, to: run, best: 1)
    try writeStep(2, to: run, best: 1)
    let snapshots = Mutex<[String]>([])
    let copies = scratch.url
    let original = run.url
    run.observer = { point in
      snapshots.withLock { taken in
        let copy = copies.appending(path: "snapshot-\(taken.count)-\(point)")
        try! FileManager.default.copyItem(at: original, to: copy)
        taken.append(copy.path)
      }
    }
    try writeStep(3, to: run, best: 3)
    try writeStep(3, to: run, best: 3)
    try writeStep(4, to: run, best: 3, keep: 1)
    let taken = snapshots.withLock { $0 }
    #expect(taken.count >= 18)
    for path in taken {
      let left = try RunDirectory(path)
      try left.clean()
      let checkpoint = try left.checkpoint()
      #expect(checkpoint.step >= 2, "\(path)")
      for each in try left.checkpoints() {
        for name in ["a", "b", "c"] {
          let text = try String(contentsOf: each.url.appending(path: name), encoding: .utf8)
          #expect(text == "\(name) \(each.step)", "\(path)")
        }
      }
      try left.settle(best: 3, keep: 2)
      #expect(FileSystem.target(of: left.latest) == "checkpoints/\(checkpoint.name)")
      #expect(FileSystem.exists(left.latest))
      let names = try FileSystem.names(in: left.checkpointFolder) + FileSystem.names(in: left.url)
      #expect(names.allSatisfy { !$0.hasPrefix(".") }, "\(path): \(names)")
    }
  }

  @Test func aFailedWriteLosesNothing() throws {
    struct Full: Error {}
    let run = try makeRun()
    try writeStep(1, to: run)
    #expect(throws: Full.self) {
      try run.writeCheckpoint(step: 2, best: nil, keep: 1) { folder in
        try FileSystem.write(Data(), to: folder.appending(path: "a"))
        throw Full()
      }
    }
    #expect(try run.checkpoints().map(\.step) == [1])
    #expect(try FileSystem.names(in: run.checkpointFolder) == ["step-1"])
  }

  @Test func refusesFoldersThatAreNotItsOwn() throws {
    let run = try makeRun()
    #expect(throws: RunError.holdsRun(path: run.url.path)) { try RunDirectory.create(run.url.path) }
    let other = scratch.path("other")
    try FileSystem.makeFolder(URL(filePath: other))
    #expect(throws: RunError.notARun(path: other)) { try RunDirectory(other) }
    _ = try RunDirectory.create(other)
    _ = try scratch.write("text", to: "other/thesis.tex")
    #expect(throws: RunError.notEmpty(path: other)) { try RunDirectory.create(other) }
    #expect(throws: RunError.missing(path: "/nowhere")) { try RunDirectory("/nowhere") }
    // Where a tokenizer would be written, it would be waited for whoever reads it.
    try FileSystem.makeFolder(URL(filePath: scratch.path("piped")))
    try #require(mkfifo(scratch.path("piped/tokenizer.json"), 0o600) == 0)
    #expect(throws: RunError.notEmpty(path: scratch.path("piped"))) {
      try RunDirectory.requireNew(scratch.path("piped"))
    }
    let file = try scratch.write("text", to: "file")
    #expect(throws: RunError.notAFolder(path: file)) { try RunDirectory.create(file) }
    #expect(throws: RunError.notARun(path: file)) { try RunDirectory(file) }
    #expect(throws: RunError.noCheckpoint(path: run.url.path)) { try run.checkpoint() }
  }

  @Test func oneWriterAtATime() throws {
    let run = try makeRun()
    do {
      let lock = try RunLock(in: run.url)
      #expect(throws: RunError.locked(path: run.url.path, holder: "\(getpid())")) {
        try RunLock(in: run.url)
      }
      withExtendedLifetime(lock) {}
    }
    #expect(!FileSystem.exists(run.url.appending(path: "lock")))
    _ = try RunLock(in: run.url)
  }
}

@Suite struct MetricsLogTests {
  private let scratch = Scratch()

  private func line(_ step: Int, seconds: Double? = nil) -> StepMetrics {
    var metrics = StepMetrics(step: step)
    metrics.secondsElapsed = seconds
    return metrics
  }

  /// A line is read as it was written; what is not finite is null, and then not known.
  @Test func linesAreReadAsTheyWereWritten() throws {
    var metrics = line(8, seconds: 12.5)
    metrics.epoch = 1
    metrics.phase = 2
    metrics.objective = "CLM"
    metrics.loss = .infinity
    metrics.learningRate = 1e-3
    metrics.devLosses = ["MLM": 6, "CLM": .nan]
    metrics.tokensPerSecond = 0.1
    #expect(
      "\(metrics.json)"
        == #"{"step":8,"epoch":1,"phase":2,"objective":"CLM","loss":null,"learningRate":0.001,"#
        + #""devLossCLM":null,"devLossMLM":6.0,"tokensPerSecond":0.1,"secondsElapsed":12.5}"#)
    let read = try JSONDecoder().decode(StepMetrics.self, from: Data("\(metrics.json)".utf8))
    #expect(read == metrics.asWritten && read.loss == nil && read.devLosses == ["MLM": 6])
  }

  @Test func isCutBackToTheCheckpoint() throws {
    let url = scratch.url.appending(path: "metrics.jsonl")
    do {
      let log = try MetricsLog(url, through: 0)
      for step in 0...5 { try log.append(line(step, seconds: Double(step) / 2)) }
      try log.synchronize()
    }
    let log = try MetricsLog(url, through: 3)
    #expect(log.secondsElapsed == 1.5)
    try log.append(line(4, seconds: 9))
    let text = try String(contentsOf: url, encoding: .utf8)
    #expect(text.split(separator: "\n").count == 5)
    #expect(text.hasSuffix("{\"step\":4,\"secondsElapsed\":9.0}\n"))
  }

  /// What was on the disk before the checkpoint is never cut off for being damaged.
  @Test(arguments: [
    ("{\"step\":1,\"lo", "no JSON: a text without its end at byte 10"),
    ("", "no JSON: nothing where a value belongs at byte 0"), ("\0\0\0", "no JSON: no value at byte 0"),
    ("{\"step\":0}", "\"step\" is 0 after 0"), ("{\"loss\":1}", "no \"step\""),
  ])
  func aDamagedLineIsNamed(damaged: String, reason: String) throws {
    let text = "{\"step\":0}\n\(damaged)\n{\"step\":2}\n{\"step\":3}\n"
    let path = try scratch.write(text, to: "metrics.jsonl")
    let error = RunError.damagedLine(path: path, line: 2, reason: reason)
    for step in [1, 2, 10] {
      #expect(throws: error) { try MetricsLog(URL(filePath: path), through: step) }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
    #expect("\(error)".contains("metrics.jsonl, line 2") && !"\(error)".contains("\n"))
    // After the checkpoint's step it goes with the other lines to be written again.
    _ = try MetricsLog(URL(filePath: path), through: 0)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"step\":0}\n")
  }

  @Test func aTornLineGoes() throws {
    let path = try scratch.write("{\"step\":0}\n{\"step\":1}\n{\"step\":2,\"lo", to: "metrics.jsonl")
    _ = try MetricsLog(URL(filePath: path), through: 10)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"step\":0}\n{\"step\":1}\n")
  }
}

@Suite struct JSONObjectTests {
  @Test func isWhatItsReadersExpect() throws {
    var inner = JSONObject()
    inner.set("x", Float(0.1))
    var object = JSONObject()
    object.set("text", "a \"quoted\" \\ line\n\u{1} é 🐜")
    object.set("count", -3)
    object.set("tiny", 1e-300)
    object.set("notFinite", Double.infinity)
    object.set("absent", nil as Double?)
    object.set("flag", true)
    object.set("items", [inner, inner])
    let parsed = try #require(
      try JSONSerialization.jsonObject(with: Data(object.description.utf8)) as? [String: Any])
    #expect(parsed["text"] as? String == "a \"quoted\" \\ line\n\u{1} é 🐜")
    #expect(parsed["count"] as? Int == -3)
    #expect(parsed["tiny"] as? Double == 1e-300)
    #expect(parsed["notFinite"] is NSNull)
    #expect(parsed["absent"] == nil)
    #expect((parsed["items"] as? [[String: Double]])?.count == 2)
    #expect(!object.description.contains("\n"))
  }
}

/// Runs on file systems that cannot do all that others can, and copies of runs.
@Suite struct PortableRunTests {
  private let scratch = Scratch()

  /// A run of checkpoints that say which of them is best, as training writes it.
  private func makeRun(_ steps: [Int], best: Int, in name: String = "run") throws -> RunDirectory {
    let run = try RunDirectory.create(scratch.path(name))
    try FileSystem.write(Data("{}".utf8), to: run.configuration)
    for step in steps { try write(step, best: best, to: run) }
    return run
  }

  private func write(_ step: Int, best: Int, to run: RunDirectory) throws {
    try run.writeCheckpoint(step: step, best: best, keep: 2) { folder in
      var state = TrainerState()
      state.step = step
      state.best = TrainerState.Best(step: best, devLoss: 1)
      try state.write(to: folder)
    }
  }

  /// What was said, while `body` ran.
  private func notices(_ body: () throws -> Void) rethrows -> [String] {
    let said = Mutex<[String]>([])
    try Notices.$current.withValue(Notices { line in said.withLock { $0.append(line) } }, operation: body)
    return said.withLock { $0 }
  }

  @Test(arguments: [EPERM, ENOSYS, EOPNOTSUPP]) func aRunNeedsNoLinks(code: Int32) throws {
    var run = try makeRun([], best: 1)
    run.makeLink = { url, _ in throw FileError("create", url.path, code: code) }
    let said = try notices { for step in 1...4 { try write(step, best: 1, to: run) } }
    #expect(said.count == 2 && said[0].contains("latest does not lead"), "\(said)")
    #expect(try run.checkpoints().map(\.step) == [1, 3, 4])
    #expect(try run.checkpoint("best").step == 1 && run.checkpoint().step == 4)
  }

  /// Copying with `cp -L`, `scp -r` and archives turns links into folders, some stores into files.
  @Test(arguments: [true, false]) func linksThatBecameFoldersAreLinksAgain(folders: Bool) throws {
    let run = try makeRun([2, 4, 6], best: 2)
    for (link, step) in [(run.latest, 6), (run.best, 2)] {
      try FileSystem.remove(link)
      if folders {
        try FileManager.default.copyItem(
          at: run.checkpointFolder.appending(path: Checkpoint.name(step)), to: link)
      } else {
        try FileSystem.write(Data("checkpoints/step-\(step)".utf8), to: link)
      }
    }
    #expect(try run.checkpoint("best").step == 2)
    let said = try notices { try run.settle(best: 2, keep: 2) }
    #expect(said.isEmpty, "\(said)")
    #expect(FileSystem.target(of: run.latest) == "checkpoints/step-6")
    #expect(FileSystem.target(of: run.best) == "checkpoints/step-2")
    try write(8, best: 8, to: run)
    #expect(FileSystem.target(of: run.best) == "checkpoints/step-8")
  }

  /// A folder of that name that holds what nothing else does is nobody's to remove.
  @Test func aFolderOfItsOwnStays() throws {
    let run = try makeRun([2, 4], best: 4)
    try FileSystem.remove(run.latest)
    try FileSystem.makeFolder(run.latest)
    try FileSystem.write(Data("{\"step\":1}".utf8), to: run.latest.appending(path: "trainer.json"))
    let said = try notices { try write(6, best: 4, to: run) }
    #expect(said.count == 1 && said[0].contains("latest does not lead"), "\(said)")
    #expect(try FileSystem.names(in: run.latest) == ["trainer.json"])
    #expect(try run.checkpoint().step == 6)
  }

  @Test func aRunNeedsNoLock() throws {
    let run = try makeRun([], best: 1)
    let said = try notices {
      _ = try RunLock(in: run.url) { .unavailable(FileError("lock", $1, code: ENOLCK)) }
    }
    #expect(said.count == 1 && said[0].contains("No locks available"), "\(said)")
    #expect(throws: RunError.locked(path: run.url.path, holder: "")) {
      try RunLock(in: run.url) { _, _ in .held }
    }
  }

  /// What cannot be looked into is not called something else.
  @Test func theSystemsReasonIsKept() throws {
    try FileSystem.link(scratch.url.appending(path: "round"), to: "round")
    let path = FileSystem.url(scratch.path("round/config.json")).path
    #expect(throws: FileError("read", path, code: ELOOP)) { try RunDirectory(scratch.path("round")) }
  }

  /// A configuration or a tokenizer that is damaged is that of a run, not one to make anew or to import.
  @Test func adviceForADamagedRunHelps() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("2s_CLM")
    configuration.development = []
    _ = try tiny.start("run", configuration).train()
    let run = try tiny.run("run")
    func complaint() throws -> String {
      let error = #expect(throws: (any Error).self) { try tiny.resume("run") }
      return error.map { "\($0)" } ?? ""
    }
    try FileSystem.write(Data(), to: run.tokenizer)
    #expect(try complaint().contains("copy tokenizer.json back"))
    #expect(try complaint().contains("not a tokenizer.json"))
    try FileSystem.remove(run.tokenizer)
    #expect(try complaint().contains("tokenizer.json is missing; copy tokenizer.json back"))
    try FileSystem.write(Data(), to: run.configuration)
    #expect(try complaint().contains("restore it from a copy, or start a new run"))
  }

  /// What is no file under the name of one of a run's is called that, and no pipe is waited at.
  @Test(arguments: [
    "config.json", "tokenizer.json", "metrics.jsonl", "lock", "checkpoints/step-2/model.safetensors",
    "checkpoints/step-2/optimizer.safetensors", "checkpoints/step-2/trainer.json",
    "checkpoints/step-2/config.json",
  ])
  func namesOfFilesAreThoseOfFiles(name: String) throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("2s_CLM")
    configuration.development = []
    _ = try tiny.start("run", configuration).train()
    let url = URL(filePath: tiny.scratch.path("run")).appending(path: name)
    if FileSystem.exists(url) { try FileSystem.remove(url) }
    for (make, what) in [
      ({ mkfifo($0, 0o600) }, "a pipe or a device"), ({ mkdir($0, 0o700) }, "a folder"),
    ] as [((String) -> Int32, String)] {
      try #require(make(url.path) == 0)
      let error = #expect(throws: (any Error).self) { try tiny.resume("run") }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.contains(name) && text.contains(what) && !text.contains("\n"), "\(text)")
      try FileSystem.remove(url)
    }
  }

  /// What is wrong with a file of a checkpoint leads to the one before; what is wrong with the system does not.
  @Test func adviceForADamagedCheckpointHelps() throws {
    let run = try makeRun([2], best: 2)
    let checkpoint = try run.checkpoint()
    for error: any Error in [
      ModelError.invalidConfiguration(file: "config.json", problem: "not valid JSON"),
      SafeTensorsError.damaged(file: "model.safetensors", problem: "only 0 bytes long"),
      FileError("read", "model.safetensors", code: ENOENT), FileKindError(path: "model.safetensors"),
    ] {
      let damage = #expect(throws: RunError.self) { try checkpoint.reading { throw error } }
      let text = damage.map { "\($0)" } ?? ""
      #expect(
        text.hasPrefix("\(checkpoint.url.path) is damaged: ") && text.contains("folder away"), "\(text)")
      #expect(text.contains("before, or from its beginning") && !text.contains("import"), "\(text)")
    }
    #expect(throws: FileError.self) { try checkpoint.reading { throw FileError("read", "a", code: EMFILE) } }
  }
}
