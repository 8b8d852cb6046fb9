import AntAutograd
import AntBatch
import AntCheck
import AntDevice
import AntModels
import AntTestSupport
import Foundation
import Testing

/// What a package that uses this one can do: put an architecture of its own on the list.
@Suite struct ArchitecturesTests {
  private let toy = ToyArchitecture.preset("toy-small", vocabularySize: 23, maximumLength: 16)!

  @Test func isFoundByItsNames() throws {
    #expect(Architectures.withToy.modelTypes == ["llama", "ltgbert", "qwen3", "toy"])
    #expect(Architectures.withToy.presetNames == Architectures.standard.presetNames + ["toy-small"])
    let preset = try #require(
      Architectures.withToy.preset("toy-small", vocabularySize: 23, maximumLength: 16))
    #expect(preset == ModelConfiguration(toy))
    #expect(preset != ModelConfiguration(LlamaConfiguration.tiny))
    #expect(Architectures.standard.preset("toy-small", vocabularySize: 23) == nil)
    let llama = try #require(Architectures.withToy.preset("llama-mini", vocabularySize: 23))
    #expect(llama.architecture is LlamaConfiguration)
  }

  @Test func readsBackWhatItWrites() throws {
    let device = try openDevice("cpu")
    let folder = TemporaryFolder()
    let model = toy.makeModel(seed: 4, on: device)
    try model.write(to: folder.url)
    let read = try ModelFolder.read(folder.url, on: device, architectures: .withToy)
    #expect(read.configuration == ModelConfiguration(toy))
    #expect(try read.parameters.read() == model.parameters.read())
    let error = try #require(throws: ModelError.self) { try ModelFolder.read(folder.url, on: device) }
    #expect(error.description.contains("model_type is 'toy', not llama or ltgbert or qwen3"))
  }

  /// In both directions of attention.
  @Test(arguments: [AttentionMask.Pattern.causal, .bidirectional])
  func takesGradients(pattern: AttentionMask.Pattern) throws {
    let device = ReferenceDevice()
    let model = toy.makeModel(seed: 5, on: device)
    model.parameters.makeGradients()
    let ids = randomIDs(12, below: 23)
    let loss = device.makeBuffer(.float32, count: 1)[...]
    let mask = AttentionMask(pattern, lengths: [6, 4], length: 6)
    try expectGradients(of: model.parameters, on: device, least: 1e-6, step: 1e-5) {
      device.elementwise(Fill(loss, with: 0))
      model.accumulateGradients(
        Batch(
          ids: ids, mask: mask, labelRows: [0, 1, 2, 3, 4, 6, 7, 8], labels: [1, 2, 3, 4, 5, 6, 7, 8]),
        dropout: .none, into: LossSum(loss, scale: 0.125))
      return device.readDoubles(loss)[0]
    }
  }

  @Test func generatesThroughTheCache() throws {
    let model = toy.makeModel(seed: 6, on: try openDevice("cpu"))
    let ids = randomIDs(16, below: 23)
    let whole = try model.logits(
      Batch(ids: ids, mask: AttentionMask(.causal, sequences: 2, length: 8)), rows: [7, 15])
    let cache = model.makeCache(sequences: 2)
    var last: [Float] = []
    for position in 0..<8 { last = try model.nextLogits([ids[position], ids[8 + position]], cache: cache) }
    #expect(relativeError(last, whole) < 1e-5)
  }
}
