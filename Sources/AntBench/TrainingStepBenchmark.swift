import AntAutograd
import AntDevice
import AntModels
import AntRandom
import AntTraining

extension Benchmark {
  /// What a timed step trains; schedules spell it so.
  public enum ObjectiveKind: String, Sendable, CaseIterable {
    case clm = "CLM"
    case mlm = "MLM"
  }

  /// Whole training steps: forward, backward, clipping and AdamW, from token ids on the host to the loss read
  /// back. Tokens are random; CLM labels all positions but the last of a sequence, MLM 15 %.
  ///
  /// The result's first run counts from before the model is made: the time to the first step.
  public func trainingStep(
    _ configuration: any Architecture, preset: String, objective: ObjectiveKind, batch: Int, length: Int,
    precision: Precision = .float32
  ) throws -> Result {
    try TrainingMemory(
      configuration, tokens: batch * length, precision: precision, on: device.info
    ).require(batch: batch)
    let start = ContinuousClock.now
    let model = configuration.makeModel(seed: 1, on: device)
    model.precision = precision
    let optimizer = Optimizer(model.parameters)
    let loss = device.makeBuffer(.float32, count: 1)[...]
    let stream = RandomStream(seed: 2, purpose: .sampling)
    let ids = (0..<batch * length).map {
      Int32(4 + Int(stream.word(UInt64($0))) % (configuration.vocabularySize - 4))
    }
    let rows = ids.indices.filter { row in
      objective == .clm ? row % length != length - 1 : row % 20 % 7 == 0  // three of every twenty
    }
    let labels = Labels(
      rows: rows.map { Int32($0) }, ids: rows.map { objective == .clm ? ids[$0 + 1] : ids[$0] })
    let mask = AttentionMask(objective == .clm ? .causal : .bidirectional, sequences: batch, length: length)
    let input = ModelInput(ids: ids, mask: mask)
    let preparation = ContinuousClock.now - start
    var result = try time(
      "step",
      "\(preset) \(objective.rawValue) \(batch)x\(length) vocabulary \(configuration.vocabularySize)"
        + precision.suffix,
      operations: operations(model, configuration, labels: labels.count, batch: batch, length: length),
      tokens: batch * length
    ) {
      device.elementwise(Fill(loss, with: 0))
      model.parameters.zeroGradients()
      model.accumulateGradients(
        input, labels: labels, scale: 1 / Float(labels.count),
        dropout: DropoutContext(rates: configuration.dropoutRates, seed: 1, step: 1), loss: loss)
      optimizer.update(learningRate: 1e-4, maximumNorm: 1, loss: loss)
      _ = try optimizer.status()
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
