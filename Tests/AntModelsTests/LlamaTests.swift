import AntAutograd
import AntBatch
import AntCPU
import AntDevice
import AntModels
import Foundation
import Testing

@Suite struct LlamaTests {
  @Test func initialWeights() throws {
    let device = try openDevice("cpu")
    let configuration = LlamaConfiguration(
      vocabularySize: 300, hiddenSize: 64, intermediateSize: 100, layers: 2, heads: 2)
    let model = Llama(configuration, seed: 1, on: device)
    let flat = try model.parameters.read()
    for segment in model.parameters.segments {
      let values = flat[segment.range].map(Double.init)
      if segment.shape.count == 1 {
        #expect(values.allSatisfy { $0 == 1 })
        continue
      }
      let drawn = segment.name == "model.embed_tokens.weight" ? Array(values[64...]) : values
      if drawn.count < values.count { #expect(values[..<64].allSatisfy { $0 == 0 }) }
      let mean = drawn.reduce(0, +) / Double(drawn.count)
      let deviation = (drawn.reduce(0) { $0 + $1 * $1 } / Double(drawn.count)).squareRoot()
      #expect(abs(mean) < 0.001 && abs(deviation - 0.02) < 0.001, "\(segment.name)")
      // A normal distribution has a kurtosis of 3.
      let kurtosis = drawn.reduce(0) { $0 + pow($1 / deviation, 4) } / Double(drawn.count)
      #expect(abs(kurtosis - 3) < 0.3, "\(segment.name)")
    }
    #expect(try Llama(configuration, seed: 1, on: device).parameters.read() == flat)
    #expect(try Llama(configuration, seed: 2, on: device).parameters.read() != flat)
    #expect(
      try #require(LlamaConfiguration.preset("llama-mini", vocabularySize: 8192)).parameterCount == 5_507_328)
  }

  @Test func refusesWhatItCannotTake() throws {
    let model = Llama(.tiny, seed: 1, on: try openDevice("cpu"))
    func logits(_ ids: [Int32], length: Int) throws -> [Float] {
      try model.logits(
        Batch(ids: ids, mask: AttentionMask(.causal, sequences: ids.count / length, length: length)),
        rows: [0])
    }
    #expect(throws: ModelError.tooLong(length: 17, maximum: 16)) {
      try logits([Int32](repeating: 5, count: 17), length: 17)
    }
    #expect(throws: ModelError.unknownToken(id: 23, vocabulary: 23)) { try logits([5, 23], length: 2) }
    #expect(throws: ModelError.unknownToken(id: -1, vocabulary: 23)) { try logits([-1, 3], length: 2) }
    #expect(throws: ModelError.emptyInput) { try logits([], length: 2) }
    #expect(try logits([Int32](repeating: 22, count: 16), length: 16).count == 23)
  }

  /// Fed piece by piece through the cache, two sequences get the logits that the whole gives them.
  @Test(arguments: deviceNames) func cacheGivesTheSameLogits(name: String) throws {
    let device = try openDevice(name)
    for configuration in tinyModels {
      for prefix in [0, 3] {
        try feed(configuration.architecture.makeModel(seed: 3, on: device), prefix: prefix)
      }
    }
  }

  private func feed(_ model: any Transformer, prefix: Int) throws {
    let ids = randomIDs(2 * 11, below: 23)
    let whole = Batch(ids: ids, mask: AttentionMask(.prefix(prefix), sequences: 2, length: 11))
    let cache = model.makeCache(sequences: 2, capacity: 12, prefix: prefix)
    var start = 0
    for count in [4, 1, 1, 5] {
      let end = start + count
      let piece = (0..<2).flatMap { ids[$0 * 11 + start..<$0 * 11 + end] }
      let logits = try model.nextLogits(piece, cache: cache)
      let expected = try model.logits(whole, rows: [Int32(end - 1), Int32(11 + end - 1)])
      #expect(relativeError(logits, expected) < 1e-5)
      start = end
    }
    #expect(cache.length == 11)
    #expect(throws: ModelError.tooLong(length: 13, maximum: 12)) {
      try model.nextLogits([5, 6, 7, 8], cache: cache)
    }
    #expect(throws: ModelError.unknownToken(id: 23, vocabulary: 23)) {
      try model.nextLogits([5, 23], cache: cache)
    }
    #expect(cache.length == 11)
  }

  /// Training steps with varying numbers of labels and distinct ids soon ask the system for no more memory.
  @Test(arguments: deviceNames) func settledLoopAllocatesNothing(name: String) throws {
    let device = try openDevice(name)
    let configuration = LlamaConfiguration(
      vocabularySize: 61, hiddenSize: 24, intermediateSize: 40, layers: 2, heads: 3, maximumLength: 16)
    let model = Llama(configuration, seed: 2, on: device)
    let optimizer = Optimizer(model.parameters)
    let loss = device.makeBuffer([0] as [Float])[...]
    func step(_ number: Int) throws {
      let (ids, labels) = maskedBatch(randomIDs(16 * 16, below: 61, step: number), step: number)
      model.parameters.zeroGradients()
      device.write([0] as [Float], to: loss)
      let mask = AttentionMask(number % 2 == 0 ? .bidirectional : .causal, sequences: 16, length: 16)
      model.accumulateGradients(
        Batch(ids: ids, mask: mask).predicting(labels),
        dropout: DropoutContext(rates: DropoutRates(hidden: 0.1, attention: 0), seed: 1, step: number),
        into: LossSum(loss, scale: 1 / Float(labels.count)))
      optimizer.update(learningRate: 1e-3, maximumNorm: 1, loss: loss)
      #expect(try optimizer.status().isFinite)
    }
    for number in 0..<12 { try step(number) }
    let before = device.memoryUse
    for number in 12..<32 { try step(number) }
    #expect(device.memoryUse.allocations == before.allocations)
  }

  /// Backward frees each layer's activations as it leaves the layer: training a model twice as deep costs the
  /// activations of the added layers and not their gradients too.
  @Test func backwardFreesAsItGoes() throws {
    let (sequences, length, width, inner) = (16, 32, 32, 48)
    func peak(layers: Int) throws -> Int {
      let device = CPUDevice()
      let configuration = LlamaConfiguration(
        vocabularySize: 16, hiddenSize: width, intermediateSize: inner, layers: layers, heads: 2,
        maximumLength: 32)
      let model = Llama(configuration, seed: 2, on: device)
      model.parameters.makeGradients()
      let weights = 2 * 4 * model.parameters.count
      let ids = randomIDs(sequences * length, below: 16)
      model.accumulateGradients(
        Batch(ids: ids, mask: AttentionMask(.causal, sequences: sequences, length: length))
          .predicting(causalLabels(ids, length: length)), dropout: .none,
        into: LossSum(device.makeBuffer([0] as [Float])[...], scale: 1))
      try device.synchronize()
      return device.memoryUse.peakBytes - weights
    }
    // Kept of a layer: its input, q k v, attention's output and logSumExp, the middle of the residual stream,
    // gate and up.
    let kept = 4 * sequences * length * (width + 3 * width + width + 2 + width + 2 * inner)
    let added = try peak(layers: 12) - peak(layers: 6)
    #expect(Double(added) < 1.15 * Double(6 * kept), "\(added) bytes for six layers that keep \(6 * kept)")
  }

  /// Inference keeps no layer's activations.
  @Test func inferenceKeepsNothing() throws {
    func peak(layers: Int) throws -> Int {
      let device = CPUDevice()
      let configuration = LlamaConfiguration(
        vocabularySize: 16, hiddenSize: 32, intermediateSize: 48, layers: layers, heads: 2, maximumLength: 32)
      let model = Llama(configuration, seed: 2, on: device)
      let ids = randomIDs(16 * 32, below: 16)
      _ = try model.losses(
        Batch(ids: ids, mask: AttentionMask(.causal, sequences: 16, length: 32))
          .predicting(causalLabels(ids, length: 32)))
      return device.memoryUse.peakBytes - 4 * model.parameters.count
    }
    #expect(Double(try peak(layers: 6)) < 1.05 * Double(try peak(layers: 2)))
  }
}
