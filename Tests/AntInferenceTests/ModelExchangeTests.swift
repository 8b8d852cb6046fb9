import AntDevice
import AntDevices
import AntFiles
import AntInference
import AntModels
import AntTestSupport
import Foundation
import Testing

@testable import AntTraining

@Suite struct ModelExchangeTests {
  private let ltgBert = LTGBertConfiguration(
    vocabularySize: 40, hiddenSize: 16, intermediateSize: 24, layers: 1, heads: 2,
    positionProjection: .perHead)

  /// What comes in from a folder that does not say which LTG-BERT it is says so afterwards.
  @Test func asksWhichLTGBertItIs() throws {
    let scratch = Scratch()
    let device = try Devices.open("cpu").device
    let source = URL(filePath: scratch.path("source"))
    try FileSystem.makeFolder(source)
    try LTGBert(ltgBert, seed: 2, on: device).write(to: source)
    let file = source.appending(path: "config.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    try Data(text.replacing("\"position_projection\"", with: "\"someone_elses\"").utf8).write(to: file)
    func take(_ projection: String?, _ target: String) throws -> String? {
      try ModelExchange.importModel(
        from: source.path, to: scratch.path(target),
        saying: projection.map { ["position_projection": $0] } ?? [:], on: device
      ).tokenizerProblem
    }
    let error = try #require(throws: ModelError.self) { try take(nil, "a") }
    #expect(error.description.contains("blocked or per_head"))
    #expect(!FileSystem.exists(URL(filePath: scratch.path("a"))))
    #expect(try take("per_head", "b")?.contains("tokenizer.json") == true)
    let read = try ModelFolder.read(URL(filePath: scratch.path("b")), on: device)
    #expect(read.configuration == .init(ltgBert))
    #expect(try read.parameters.read() == LTGBert(ltgBert, seed: 2, on: device).parameters.read())
    // What it says cannot be said otherwise, and what is there is not replaced.
    #expect(throws: ModelError.self) {
      try ModelExchange.importModel(
        from: scratch.path("b"), to: scratch.path("c"), saying: ["position_projection": "blocked"], on: device
      )
    }
    #expect(throws: RunError.self) { try take("per_head", "b") }
    #expect(try FileSystem.names(in: scratch.url).sorted() == ["b", "source"])
  }

  /// What only some models have is not said of another.
  @Test func refusesKeysOfOtherModels() throws {
    let tiny = try TinyRun()
    _ = try tiny.start("run", tiny.configuration("1s_CLM")).train()
    let error = #expect(throws: ModelError.self) {
      try ModelExchange.importModel(
        from: tiny.run("run").checkpoint().url.path, to: tiny.scratch.path("in"),
        saying: ["position_projection": "blocked"], on: tiny.device())
    }
    #expect(error?.description.hasSuffix("which has no position_projection; leave that out") == true)
    #expect(!FileSystem.exists(URL(filePath: tiny.scratch.path("in"))))
  }

  /// A folder that was empty is so again where the last file does not get its name.
  @Test func leavesNothingHalfWritten() throws {
    let scratch = Scratch()
    let device = try Devices.open("cpu").device
    let target = scratch.url.appending(path: "target")
    try FileSystem.makeFolder(target)
    #expect(throws: FileError.self) {
      try ModelExchange.export(
        LTGBert(ltgBert, seed: 2, on: device), tokenizerOf: scratch.url, to: target.path
      ) { _ in
        try FileSystem.makeFolder(target.appending(path: "config.json"))
      }
    }
    #expect(try FileSystem.names(in: target) == ["config.json"])
  }

  /// Whatever lies in a folder stays: only what a stopped export left is replaced. A link stays a link.
  @Test func writesIntoEmptyFoldersOnly() throws {
    let scratch = Scratch()
    let device = try Devices.open("cpu").device
    let source = URL(filePath: scratch.path("source"))
    try FileSystem.makeFolder(source)
    try LTGBert(ltgBert, seed: 2, on: device).write(to: source)
    func take(_ target: String) throws {
      _ = try ModelExchange.importModel(
        from: source.path, to: scratch.path(target), on: device)
    }
    for name in ["lock", "tokenizer.json", ".mine.partial"] {
      try FileSystem.makeFolder(URL(filePath: scratch.path(name + ".folder")))
      _ = try scratch.write("precious", to: "\(name).folder/\(name)")
      #expect(throws: RunError.folderNotEmpty(path: scratch.path(name + ".folder"))) {
        try take(name + ".folder")
      }
      #expect(try FileSystem.names(in: URL(filePath: scratch.path(name + ".folder"))) == [name])
    }
    #expect(throws: RunError.folderNotEmpty(path: scratch.path("lock.folder/lock"))) {
      try take("lock.folder/lock")
    }
    try FileSystem.makeFolder(URL(filePath: scratch.path("empty/.incomplete")))
    try FileSystem.link(URL(filePath: scratch.path("link")), to: "empty")
    try take("link")
    #expect(FileSystem.target(of: URL(filePath: scratch.path("link"))) == "empty")
    #expect(try FileSystem.names(in: URL(filePath: scratch.path("empty"))).contains("model.safetensors"))
    #expect(!FileSystem.exists(URL(filePath: scratch.path("empty/.incomplete"))))
  }

  /// A run goes out without its optimizer and comes back as it was.
  @Test func whatGoesOutComesBack() throws {
    let tiny = try TinyRun()
    let device = try tiny.device()
    let run = tiny.scratch.path("run")
    var configuration = tiny.configuration("2s_CLM")
    configuration.development = []
    _ = try TrainingRun.start(configuration, tokenizerFile: tiny.tokenizerFile, in: run, on: device).train()
    let trained = try TrainedModel(run, on: device)
    let out = tiny.scratch.path("out")
    try ModelExchange.export(trained, to: out)
    #expect(
      try FileSystem.names(in: URL(filePath: out)) == [
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
      ])
    let back = tiny.scratch.path("back")
    let (architecture, problem) = try ModelExchange.importModel(
      from: out, to: back, on: device)
    #expect(problem == nil && architecture.parameterCount == trained.model.parameters.parameterCount)
    let read = try TrainedModel(back, on: device)
    #expect(try read.model.parameters.read() == trained.model.parameters.read())
    #expect(read.tokenizer.checksum == trained.tokenizer.checksum)
  }
}
