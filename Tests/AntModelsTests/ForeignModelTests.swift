import AntDevice
import AntModels
import Foundation
import Testing

/// Models as others save them: read where they mean the same, else refused for what they are.
@Suite struct ForeignModelTests {
  private let device: any Device
  private let folder = TemporaryFolder()
  private let model: Llama

  init() throws {
    device = try openDevice("cpu")
    model = Llama(.tiny, seed: 4, on: device)
    try model.write(to: folder.url)
  }

  /// Replaces the weights by what becomes of them.
  private func rewrite(_ change: (inout [String: (shape: [Int], values: [Float])]) -> Void) throws {
    let file = try SafeTensors(contentsOf: folder.weights)
    var tensors: [String: (shape: [Int], values: [Float])] = [:]
    for entry in file.entries { tensors[entry.name] = (entry.shape, try file.floats(entry.name)) }
    change(&tensors)
    try SafeTensors.write(
      tensors.map { SafeTensors.Source($0, shape: $1.shape, values: $1.values[...]) }, to: folder.weights)
  }

  private func refusal() throws -> String {
    let error = #expect(throws: (any Error).self) { try ModelFolder.read(folder.url, on: device) }
    let text = "\(try #require(error))"
    #expect(!text.contains("\n"), "\(text)")
    return text
  }

  /// A tied output layer may be repeated, or stand for both; it may not be another.
  @Test func tiedTensorsAreOne() throws {
    let (embedding, output) = ("model.embed_tokens.weight", "lm_head.weight")
    try rewrite { $0[output] = $0[embedding] }
    #expect(try ModelFolder.read(folder.url, on: device).parameters.read() == model.parameters.read())
    try rewrite { $0[embedding] = nil }
    #expect(try ModelFolder.read(folder.url, on: device).parameters.read() == model.parameters.read())
    try rewrite {
      $0[embedding] = $0[output]
      $0[output]?.values[5] += 1
    }
    #expect(try refusal().contains("'lm_head.weight' is not 'model.embed_tokens.weight'"))
    try rewrite { $0[output] = ([2], [0, 0]) }
    #expect(try refusal().contains("'lm_head.weight' is not 'model.embed_tokens.weight'"))
    try rewrite { $0[output] = $0[embedding].map { ($0.shape, [.nan] + $0.values.dropFirst()) } }
    #expect(try refusal().contains("'lm_head.weight' holds a NaN"))
  }

  @Test(arguments: ["_orig_mod.", "module.", "model."]) func namesPrefixes(prefix: String) throws {
    try rewrite { tensors in
      tensors = Dictionary(uniqueKeysWithValues: tensors.map { (prefix + $0.key, $0.value) })
    }
    #expect(
      try refusal().contains(
        "'\(prefix)model.embed_tokens.weight' should be called 'model.embed_tokens.weight', without '\(prefix)'"
      ))
  }

  @Test func namesMissingPrefixes() throws {
    try rewrite { tensors in
      tensors = Dictionary(uniqueKeysWithValues: tensors.map { (String($0.key.dropFirst(6)), $0.value) })
    }
    #expect(
      try refusal().contains(
        "'embed_tokens.weight' should be called 'model.embed_tokens.weight', with 'model.'"))
  }

  @Test(arguments: [
    ("pytorch_model.bin", "pickled by PyTorch"), ("pytorch_model.bin.index.json", "pickled by PyTorch"),
    ("consolidated.00.pth", "pickled by PyTorch"), ("tf_model.h5", "of TensorFlow"),
    ("flax_model.msgpack", "of TensorFlow or Flax"), ("tiny.gguf", "llama.cpp"),
    ("adapter_model.safetensors", "an adapter"), ("adapter_config.json", "an adapter"),
    ("model-00001-of-00002.safetensors", "without their index"), ("tiny.safetensors", "another name"),
    ("training_args.bin", "no model.safetensors in it"),
  ])
  func namesOtherForms(file: String, what: String) throws {
    try FileManager.default.moveItem(at: folder.weights, to: folder.url.appending(path: file))
    #expect(try refusal().contains(what))
    // It is not a matter of config.json, which adapters for example have not.
    try FileManager.default.removeItem(at: folder.url.appending(path: "config.json"))
    #expect(try refusal().contains(what))
  }

  @Test func namesWhatIsNoFolderWithAModel() throws {
    func refusal(_ url: URL) throws -> String {
      let error = #expect(throws: ModelError.self) { try ModelFolder.read(url, on: device) }
      return try #require(error).description
    }
    #expect(try refusal(folder.weights).contains("a file, not a folder"))
    #expect(try refusal(folder.url.appending(path: "none")).contains("no such folder"))
    try Data("version https://git-lfs.github.com/spec/v1\n".utf8).write(to: folder.weights)
    #expect(try self.refusal().contains("git lfs pull"))
    try FileManager.default.removeItem(at: folder.url.appending(path: "config.json"))
    #expect(try refusal(folder.url).contains("no config.json in it"))
  }
}
