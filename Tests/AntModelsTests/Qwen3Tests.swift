import AntAutograd
import AntBatch
import AntCheck
import AntDevice
import AntFiles
import AntModels
import Foundation
import Testing

/// A Llama with queries and keys normalized head by head, as transformers computes it (tools/reference/tiny_qwen3.py).
@Suite struct Qwen3Tests {
  private struct Expected: Decodable {
    var ids: [[Int32]]
    var logits: [[[Float]]]
    var loss: Double
    /// Of vectors whole, of matrices the norm.
    var gradients: [String: [Double]]
  }

  @Test(arguments: ParityTests.devices) func computesWhatTransformersComputes(name: String) throws {
    let folder = referenceFolder.appendingPathComponent("tiny-qwen3")
    let expected = try JSONDecoder().decode(
      Expected.self, from: Data(contentsOf: folder.appendingPathComponent("values.json")))
    let device = try ParityTests.open(name)
    let model = try ModelFolder.read(folder, on: device)
    #expect(model.configuration.architecture is Qwen3Configuration)
    let (ids, length) = (expected.ids.flatMap { $0 }, expected.ids[0].count)
    let mask = AttentionMask(.causal, sequences: 2, length: length)
    let logits = try model.logits(Batch(ids: ids, mask: mask), rows: ids.indices.map { Int32($0) })
    let reference = expected.logits.flatMap { $0.flatMap { $0 } }
    #expect(logits.count == reference.count)
    #expect(zip(logits, reference).allSatisfy { abs($0 - $1) < 1e-4 })

    model.parameters.makeGradients()
    let rows = ids.indices.filter { $0 % length < length - 1 }
    let loss = device.makeBuffer([0] as [Float])[...]
    model.accumulateGradients(
      Batch(ids: ids, mask: mask, labelRows: rows.map { Int32($0) }, labels: rows.map { ids[$0 + 1] }),
      dropout: .none, into: LossSum(loss, scale: 1 / Float(rows.count)))
    #expect(abs(Double(try device.read(loss)[0]) / expected.loss - 1) < 1e-5)
    let flat = try device.read(try #require(model.parameters.gradients))
    let tensors = model.parameters.segments.flatMap(\.tensors)
    #expect(Set(tensors.map(\.name)) == Set(expected.gradients.keys))
    for tensor in tensors {
      let reference = try #require(expected.gradients[tensor.name])
      let values = flat[tensor.range].map { Double($0) }
      let own = tensor.shape.count == 1 ? values : [norm(values)]
      #expect(norm(zip(own, reference).map { $0 - $1 }) <= 1e-4 * norm(reference), "\(tensor.name)")
    }
  }

  private func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  @Test func keepsItselfInJSON() throws {
    for name in Qwen3Configuration.presetNames {
      let configuration = try #require(Qwen3Configuration.preset(name, vocabularySize: 1000))
      let llama = try #require(
        LlamaConfiguration.preset("llama" + name.dropFirst("qwen3".count), vocabularySize: 1000))
      #expect(configuration.problem == nil)
      #expect(
        configuration.parameterCount == llama.parameterCount + 2 * llama.layers * llama.headDimension)
      let data = try JSONEncoder().encode(configuration)
      #expect(try JSONDecoder().decode(Qwen3Configuration.self, from: data) == configuration)
      let keys = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
      #expect(keys["model_type"] as? String == "qwen3")
      #expect(keys["architectures"] as? [String] == ["Qwen3ForCausalLM"])
      #expect(keys["head_dim"] as? Int == configuration.headDimension)
    }
    #expect(Qwen3Configuration.preset("qwen3-97m", vocabularySize: 1000) == nil)
  }

  /// What transformers would take for something else is refused.
  @Test(arguments: [
    (
      "\"model_type\": \"qwen3\"",
      "head_dim is not said and so 128, not hidden_size / num_attention_heads = 4"
    ),
    ("\"model_type\": \"qwen3\", \"head_dim\": 16", "head_dim is 16"),
    (
      "\"model_type\": \"qwen3\", \"head_dim\": 4",
      "num_key_value_heads is not said and so 32, not the 2 of num_attention_heads"
    ),
    (
      "\"model_type\": \"qwen3\", \"head_dim\": 4, \"num_key_value_heads\": 2, \"use_sliding_window\": true",
      "use_sliding_window is true"
    ),
  ])
  func refusesOtherModels(keys: String, problem: String) throws {
    let text = """
      {\(keys), "vocab_size": 10, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
      "num_attention_heads": 2}
      """
    let error = try #require(throws: ModelError.self) {
      try ModelConfiguration(Data(text.utf8), file: "config.json")
    }
    #expect(error.description.contains(problem), "\(error)")
  }
}
