import AntBatch
import AntDevice
import AntModels
import Foundation
import Testing

@Suite struct ModelFolderTests {
  /// A folder that transformers wrote gives the logits that transformers computed.
  @Test(arguments: deviceNames) func opensWhatTransformersWrote(name: String) throws {
    struct Expected: Decodable {
      var ids: [[Int32]]
      var logits: [[[Float]]]
    }
    let folder = referenceFolder.appendingPathComponent("tiny-llama")
    let model = try ModelFolder.read(folder, on: openDevice(name))
    let expected = try JSONDecoder().decode(
      Expected.self, from: Data(contentsOf: folder.appendingPathComponent("logits.json")))
    let ids = expected.ids.flatMap { $0 }
    let mask = AttentionMask(.causal, sequences: 2, length: ids.count / 2)
    let logits = try model.logits(Batch(ids: ids, mask: mask), rows: ids.indices.map { Int32($0) })
    let reference = expected.logits.flatMap { $0.flatMap { $0 } }
    #expect(logits.count == reference.count)
    #expect(zip(logits, reference).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test func readsBackWhatItWrites() throws {
    let device = try openDevice("cpu")
    for isTied in [true, false] {
      var configuration = LlamaConfiguration.tiny
      configuration.tiesEmbeddings = isTied
      let model = Llama(configuration, seed: 4, on: device)
      let folder = TemporaryFolder()
      try model.write(to: folder.url)
      let read = try ModelFolder.read(folder.url, on: device)
      #expect(read.configuration == .init(configuration))
      #expect(try read.parameters.read() == model.parameters.read())
      let weights = try SafeTensors(contentsOf: folder.weights)
      #expect(weights.entry("model.layers.1.self_attn.k_proj.weight")?.shape == [12, 12])
      #expect(weights.entry("model.layers.1.mlp.up_proj.weight")?.shape == [10, 12])
      #expect(weights.entry("model.norm.weight")?.shape == [12])
      #expect((weights.entry("lm_head.weight") == nil) == isTied)
      #expect(weights.entries.count == 3 + 9 * 2 - (isTied ? 1 : 0))
      let config = try Data(contentsOf: folder.url.appendingPathComponent("config.json"))
      let keys = try #require(JSONSerialization.jsonObject(with: config) as? [String: Any])
      #expect(keys["num_key_value_heads"] as? Int == 2)
    }
  }

  @Test func refusesWeightsOfAnotherModel() throws {
    let device = try openDevice("cpu")
    let folder = TemporaryFolder()
    try Llama(.tiny, seed: 4, on: device).write(to: folder.url)
    func expectRefusal(_ error: ModelError) {
      #expect(throws: error) { try ModelFolder.read(folder.url, on: device) }
      #expect(!error.description.contains("\n"))
    }
    let file = folder.weights.path
    var configuration = LlamaConfiguration.tiny
    configuration.layers = 1
    try ModelConfiguration(configuration).write(to: folder.url)
    expectRefusal(.unexpectedTensor(file: file, tensor: "model.layers.1.input_layernorm.weight"))
    configuration.layers = 3
    try ModelConfiguration(configuration).write(to: folder.url)
    expectRefusal(.missingTensor(file: file, tensor: "model.layers.2.input_layernorm.weight"))
    configuration = .tiny
    configuration.vocabularySize = 24
    try ModelConfiguration(configuration).write(to: folder.url)
    expectRefusal(
      .wrongShape(file: file, tensor: "model.embed_tokens.weight", found: [23, 12], expected: [24, 12]))
    // Nobody should wait for memory that a damaged configuration asks for.
    configuration.vocabularySize = 1 << 24
    configuration.hiddenSize = 1 << 14
    configuration.heads = 1 << 6
    try ModelConfiguration(configuration).write(to: folder.url)
    expectRefusal(
      .wrongShape(
        file: file, tensor: "model.embed_tokens.weight", found: [23, 12], expected: [1 << 24, 1 << 14]))
  }

  /// Weights distributed over files are one model; an index that does not fit them is refused.
  @Test func readsShards() throws {
    let device = try openDevice("cpu")
    let model = Llama(.tiny, seed: 4, on: device)
    let folder = TemporaryFolder()
    try model.write(to: folder.url)
    let whole = try SafeTensors(contentsOf: folder.weights)
    let sources = try whole.entries.map {
      SafeTensors.Source($0.name, shape: $0.shape, values: try whole.floats($0.name)[...])
    }
    func file(_ number: Int) -> URL { folder.url.appending(path: "model-\(number).safetensors") }
    var map: [String: String] = [:]
    for (number, part) in [sources[..<7], sources[7...]].enumerated() {
      try SafeTensors.write(Array(part), to: file(number))
      for source in part { map[source.name] = "model-\(number).safetensors" }
    }
    try FileManager.default.removeItem(at: folder.weights)
    let index = folder.url.appending(path: "model.safetensors.index.json")
    func writeIndex(_ map: [String: String]) throws {
      try JSONEncoder().encode(["weight_map": map]).write(to: index)
    }
    try writeIndex(map)
    #expect(try ModelFolder.read(folder.url, on: device).parameters.read() == model.parameters.read())

    func refusal(_ change: (inout [String: String]) -> Void) throws -> String {
      var other = map
      change(&other)
      try writeIndex(other)
      let error = #expect(throws: (any Error).self) { try ModelFolder.read(folder.url, on: device) }
      return "\(try #require(error))"
    }
    let name = sources[0].name
    #expect(try refusal { $0[name] = nil }.contains("no tensor '\(name)'"))
    #expect(try refusal { $0[name] = "model-1.safetensors" }.contains("no tensor '\(name)'"))
    #expect(try refusal { $0[name] = "model-7.safetensors" }.contains("no model-7.safetensors in it"))
    #expect(try refusal { $0["more"] = "model-1.safetensors" }.contains("no tensor 'more'"))
    #expect(try refusal { $0["more"] = "../model.safetensors" }.contains("not beside it"))
    // What a file holds beyond the index is nobody's, be it called as a part of the model or not.
    let others = [
      SafeTensors.Source(name, shape: [1], values: [7]),
      SafeTensors.Source("model.layers.0.self_attn.rotary_emb.inv_freq", shape: [1], values: [.nan]),
    ]
    try SafeTensors.write(sources[7...] + others, to: file(1))
    try writeIndex(map)
    #expect(try ModelFolder.read(folder.url, on: device).parameters.read() == model.parameters.read())
    try Data("{".utf8).write(to: index)
    #expect(throws: ModelError.self) { try ModelFolder.read(folder.url, on: device) }
  }

  /// By tools/reference/open_checkpoint.py.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["REFERENCE_PYTHON"] != nil,
      "needs REFERENCE_PYTHON, a Python that has transformers"), arguments: tinyModels)
  func opensInTransformers(configuration: ModelConfiguration) throws {
    let python = try #require(ProcessInfo.processInfo.environment["REFERENCE_PYTHON"])
    let model = configuration.architecture.makeModel(seed: 4, on: try openDevice("cpu"))
    let folder = TemporaryFolder()
    try model.write(to: folder.url)
    let ids = randomIDs(12, below: 23)
    for (mode, pattern) in [("causal", AttentionMask.Pattern.causal), ("masked", .bidirectional)] {
      // transformers has no Llama or Qwen3 that sees both ways.
      if mode == "masked", type(of: configuration.architecture).pattern == .causal { continue }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: python)
      process.arguments =
        [referenceFolder.appendingPathComponent("open_checkpoint.py").path, folder.url.path, mode]
        + ids.map(String.init)
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      let theirs = output.split(whereSeparator: \.isWhitespace).compactMap { Float($0) }
      let ours = try model.logits(
        Batch(ids: ids, mask: AttentionMask(pattern, sequences: 1, length: 12)),
        rows: ids.indices.map { Int32($0) })
      #expect(theirs.count == ours.count)
      #expect(zip(theirs, ours).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }
}
