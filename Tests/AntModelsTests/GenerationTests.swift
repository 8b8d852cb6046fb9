import AntBatch
import AntDevice
import Testing

@testable import AntModels

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
          Batch(ids: ids, mask: mask), rows: [Int32(ids.count - 1)])
        #expect(relativeError(cached, whole) <= 1e-5, "step \(step)")
        let next = try #require(cached.indices.max { cached[$0] < cached[$1] })
        #expect(next == whole.indices.max { whole[$0] < whole[$1] }, "step \(step)")
        ids.append(Int32(next))
        distinct.insert(Int32(next))
      }
      #expect(distinct.count > 3)
    }
  }

  /// Sequences of a cache that are taken over, doubled or forgotten go on as if they had been alone.
  @Test(arguments: deviceNames, [0, 2])
  func selectedSequencesGoOn(name: String, prefix: Int) throws {
    let device = try openDevice(name)
    for configuration in tinyModels {
      let model = configuration.architecture.makeModel(seed: 7, on: device)
      let texts: [[Int32]] = [[1, 9, 4], [1, 17, 5], [1, 20, 21]]
      let cache = model.makeCache(sequences: 3, capacity: 9, prefix: prefix)
      _ = try model.nextLogits(texts.flatMap { $0 }, cache: cache)
      var selected = texts
      for rows in [[2, 0, 0, 2], [3, 1], [0, 1], [1]] {
        cache.select(rows)
        selected = rows.enumerated().map { selected[$1] + [Int32(6 + $0)] }
        let logits = try model.nextLogits(selected.map { $0[$0.count - 1] }, cache: cache)
        for (row, text) in selected.enumerated() {
          let mask = AttentionMask(.prefix(prefix), sequences: 1, length: text.count)
          let alone = try model.logits(Batch(ids: text, mask: mask), rows: [Int32(text.count - 1)])
          let found = Array(logits[row * model.vocabularySize..<(row + 1) * model.vocabularySize])
          #expect(relativeError(found, alone) <= 1e-5, "\(rows)")
        }
      }
    }
  }
}
