import AntAutograd
import AntBatch
import AntDevice
import AntModels
import AntRandom
import AntText
import AntTraining

extension Benchmark {
  /// Whole training steps under an objective or a mixture: forward, backward, clipping and update, from token ids on the
  /// host to the loss read back. Tokens are random and none is special.
  ///
  /// The result's first run counts from before the model is made: the time to the first step.
  public func trainingStep(
    _ configuration: any Architecture, preset: String, mixture: Mixture, objectives: Objectives = .standard,
    batch: Int, length: Int, precision: Precision = .float32, rule: some OptimizerRule = AdamWRule()
  ) throws -> Result {
    try TrainingMemory(
      configuration, tokens: batch * length, precision: precision, rule: rule, on: device.info
    ).require(batch: batch)
    let start = ContinuousClock.now
    let model = configuration.makeModel(seed: 1, on: device)
    model.precision = precision
    let step = TrainingStep(
      model, optimizer: Optimizer(model.parameters, settings: .init(rule, precision: precision)), clip: 1,
      dropout: configuration.dropoutRates)
    let stream = RandomStream(seed: 2, purpose: .sampling)
    let specials = SpecialTokens.standard
    let ordinary = configuration.vocabularySize - specials.ids.count
    let blocks = (0..<batch).map { sequence in
      (0..<length).map {
        Int32(specials.ids.count + Int(stream.word(UInt64(sequence * length + $0))) % ordinary)
      }
    }
    let masking = Masking(vocabularySize: configuration.vocabularySize)
    let input = Batch(
      objectives.sequences(
        mixture, over: blocks, from: Sample(number: 0, epoch: 0, seed: 1, masking: masking),
        counts: mixture.exactCounts(of: batch, step: 0), weights: mixture.members.map { _ in 1 }
      ).sequences, padding: masking.specials.padding)
    let preparation = ContinuousClock.now - start
    var result = try time(
      "step",
      "\(preset) \(mixture) \(batch)x\(length) vocabulary \(configuration.vocabularySize)"
        + (rule is AdamWRule ? "" : " \(rule.name)") + precision.suffix,
      operations: operations(model, configuration, labels: input.labels.count, batch: batch, length: length),
      tokens: batch * length
    ) {
      _ = try step(1, [input], learningRate: 1e-4)
    }
    result.firstSeconds += preparation / .seconds(1)
    return result
  }

  /// 6 operations a weight and token, the head's for labelled tokens only, and 12 T d a token and layer for
  /// attention, whatever the mask.
  private func operations(
    _ model: any Transformer, _ configuration: any Architecture, labels: Int, batch: Int, length: Int
  ) -> Double {
    let tokens = Double(batch * length)
    let head = Double(configuration.vocabularySize * configuration.hiddenSize)
    let body = Double(model.parameters.parameterCount) - head
    let attention =
      12 * Double(configuration.layers * configuration.hiddenSize) * Double(length) * tokens
    return 6 * (body * tokens + head * Double(labels)) + attention
  }
}
