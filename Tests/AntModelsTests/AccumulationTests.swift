import AntAutograd
import AntBatch
import AntDevice
import AntModels
import Testing

@Suite struct AccumulationTests {
  /// One batch of 32 sequences and four of 8 give the same gradients, dropout and all.
  @Test(arguments: deviceNames) func splittingABatchChangesNothing(name: String) throws {
    let device = try openDevice(name)
    let llama = LlamaConfiguration(
      vocabularySize: 61, hiddenSize: 24, intermediateSize: 40, layers: 2, heads: 3, maximumLength: 16,
      initializerRange: 0.1)
    let ltgBert = LTGBertConfiguration(
      vocabularySize: 61, hiddenSize: 24, intermediateSize: 40, layers: 2, heads: 3)
    for model in [Llama(llama, seed: 2, on: device), LTGBert(ltgBert, seed: 2, on: device)]
      as [any Transformer]
    {
      try split(model)
    }
  }

  private func split(_ model: any Transformer) throws {
    let device = model.device
    model.parameters.makeGradients()
    let gradients = try #require(model.parameters.gradients)
    let (ids, labels) = maskedBatch(randomIDs(32 * 16, below: 61))
    func run(parts: Int, dropout: Float) throws -> (loss: Float, gradients: [Float]) {
      model.parameters.zeroGradients()
      let loss = device.makeBuffer([0] as [Float])[...]
      let size = 32 / parts
      for part in 0..<parts {
        let range = part * size * 16..<(part + 1) * size * 16
        let own = labels.rows.indices.filter { range.contains(Int(labels.rows[$0])) }
        model.accumulateGradients(
          Batch(
            ids: Array(ids[range]), mask: AttentionMask(.bidirectional, sequences: size, length: 16),
            labelRows: own.map { labels.rows[$0] - Int32(range.lowerBound) },
            labels: own.map { labels.ids[$0] }),
          dropout: DropoutContext(
            rates: model.configuration.architecture.dropoutRates(dropout), seed: 4, step: 9,
            firstSample: part * size,
            firstLabel: labels.rows.prefix { Int($0) < range.lowerBound }.count),
          into: LossSum(loss, scale: 1 / Float(labels.count)))
      }
      return (try device.read(loss)[0], try device.read(gradients))
    }
    let whole = try run(parts: 1, dropout: 0.1)
    let split = try run(parts: 4, dropout: 0.1)
    #expect(relativeError(split.gradients, whole.gradients) < 1e-5)
    #expect(abs(split.loss - whole.loss) < 1e-5 * whole.loss)
    // Twice the same is the same to the bit.
    let again = try run(parts: 4, dropout: 0.1)
    #expect(
      again.gradients.map(\.bitPattern) == split.gradients.map(\.bitPattern) && again.loss == split.loss)
    // And dropout was indeed on.
    #expect(relativeError(try run(parts: 1, dropout: 0).gradients, whole.gradients) > 0.01)
  }

  @Test(arguments: deviceNames) func withoutLabelsNothingHappens(name: String) throws {
    let device = try openDevice(name)
    let model = Llama(.tiny, seed: 5, on: device)
    model.parameters.makeGradients()
    let loss = device.makeBuffer([0] as [Float])[...]
    let input = Batch(
      ids: randomIDs(14, below: 23), mask: AttentionMask(.causal, sequences: 2, length: 7))
    model.accumulateGradients(
      input, dropout: .none, into: LossSum(loss, scale: .infinity))
    #expect(try device.read(loss) == [0])
    #expect(try device.read(#require(model.parameters.gradients)).allSatisfy { $0 == 0 })
    #expect(try model.losses(input) == [])
    #expect(try model.logits(input, rows: []) == [])
  }
}
