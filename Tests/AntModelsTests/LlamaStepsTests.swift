import AntAutograd
import AntBatch
import AntDevice
import AntModels
import AntTestSupport
import Foundation
import Testing

/// Ten steps of llama-mini against transformers and PyTorch (tools/reference/llama_steps.py), causal and
/// masked.
@Suite(.serialized, .optimized) struct LlamaStepsTests {
  struct Fixture: Decodable {
    struct Run: Decodable {
      var losses: [Double]
      var norms: [Double]
    }
    var seed: UInt64
    var sequences: Int
    var length: Int
    var learningRate: Float
    var weightDecay: Float
    var maximumNorm: Float
    var causal: Run
    var masked: Run
  }

  @Test(arguments: deviceNames) func causal(name: String) throws {
    try compare(on: openDevice(name), masked: false)
  }

  @Test(arguments: deviceNames) func masked(name: String) throws {
    try compare(on: openDevice(name), masked: true)
  }

  private func compare(on device: any Device, masked: Bool) throws {
    let file = referenceFolder.appendingPathComponent("llama_steps.json")
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: file))
    let expected = masked ? fixture.masked : fixture.causal
    let configuration = try #require(LlamaConfiguration.preset("llama-mini", vocabularySize: 4096))
    let model = Llama(configuration, seed: fixture.seed, on: device)
    let optimizer = Optimizer(
      model.parameters, settings: .init(weightDecay: fixture.weightDecay))
    let loss = device.makeBuffer(.float32, count: 1)[...]
    for step in expected.losses.indices {
      let count = fixture.sequences * fixture.length
      let ids = randomIDs(count, below: 256, seed: fixture.seed, step: step % 2)
      let batch =
        masked
        ? maskedBatch(ids, seed: fixture.seed, step: step % 2)
        : (ids, causalLabels(ids, length: fixture.length))
      let mask = AttentionMask(
        masked ? .bidirectional : .causal, sequences: fixture.sequences, length: fixture.length)
      model.parameters.zeroGradients()
      device.write([0] as [Float], to: loss)
      model.accumulateGradients(
        Batch(ids: batch.0, mask: mask).predicting(batch.1), dropout: .none,
        into: LossSum(loss, scale: 1 / Float(batch.1.count)))
      optimizer.update(learningRate: fixture.learningRate, maximumNorm: fixture.maximumNorm, loss: loss)
      let status = try optimizer.status()
      let lossError = abs(Double(status.loss) / expected.losses[step] - 1)
      let normError = abs(Double(status.norm) / expected.norms[step] - 1)
      #expect(lossError < 1e-4, "step \(step): loss \(status.loss), expected \(expected.losses[step])")
      #expect(normError < 1e-3, "step \(step): norm \(status.norm), expected \(expected.norms[step])")
    }
  }
}

/// tools/reference of this checkout.
let referenceFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("tools/reference")
