import Device
import Devices
import Testing

@testable import Models

/// Generating with the cache is generating without it.
@Suite struct GenerationTests {
  /// Greedily, 256 tokens after a prompt that may see itself both ways: the same tokens, and logits that agree to
  /// 1e-5 of their norm at every step.
  @Test(arguments: deviceNames, [0, 9])
  func greedyTextsAreTheSame(name: String, prefix: Int) throws {
    let device = try openDevice(name)
    let models: [any Transformer] = [
      Llama(
        LlamaConfiguration(
          vocabularySize: 60, hiddenSize: 32, intermediateSize: 48, layers: 2, heads: 2, maximumLength: 300,
          initializerRange: 0.3), seed: 5, on: device),
      LTGBert(
        LTGBertConfiguration(
          vocabularySize: 60, hiddenSize: 32, intermediateSize: 48, layers: 2, heads: 2), seed: 5, on: device),
    ]
    for model in models {
      var ids: [Int32] = [1, 17, 4, 33, 8, 8, 21, 50, 2, 40, 11]
      let cache = model.makeCache(sequences: 1, capacity: 300, prefix: prefix)
      var distinct: Set<Int32> = []
      for step in 0..<256 {
        let cached = try model.nextLogits(step == 0 ? ids : [ids[ids.count - 1]], cache: cache)
        let mask = AttentionMask(.prefix(prefix), sequences: 1, length: ids.count)
        let whole = try model.logits(
          ModelInput(ids: ids, mask: mask), rows: [Int32(ids.count - 1)])
        #expect(relativeError(cached, whole) <= 1e-5, "step \(step)")
        let next = try #require(cached.indices.max { cached[$0] < cached[$1] })
        #expect(next == whole.indices.max { whole[$0] < whole[$1] }, "step \(step)")
        ids.append(Int32(next))
        distinct.insert(Int32(next))
      }
      #expect(distinct.count > 3)
    }
  }
}
