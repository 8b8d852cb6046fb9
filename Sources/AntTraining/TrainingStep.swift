import AntAutograd
import AntBatch
import AntDevice
import AntModels

/// One step of training, whoever trains: pre-training, fine-tuning, translation, a benchmark, or a loop of your own.
///
/// For the labels L of the whole batch, split into parts only to save memory:
///
///     gradients = sum over parts of d/dw (1 / |L|) sum of losses
///     norm, clip and update on the device; the host reads back one word group: norm, loss, finite
///
/// Where loss or norm is not finite the device changes nothing, and the status says so. Draws of dropout are numbered
/// by step, sample and label over the whole batch, so that the split changes none.
public final class TrainingStep {
  public let model: any Trainable
  public let optimizer: Optimizer
  /// Decides, with the number of a step, what is dropped out.
  public let seed: UInt64
  public let dropout: DropoutRates
  /// Gradients are scaled down to this norm; infinity for no clipping.
  public let clip: Float
  /// One float on the device: the scaled sum of the batch's losses.
  private let loss: BufferSlice
  /// Called with the step before its update: a test's place to spoil a gradient.
  var beforeUpdate: (Int, Parameters) -> Void = { _, _ in }

  /// - Parameter optimizer: of the model's parameters.
  public init(
    _ model: any Trainable, optimizer: Optimizer, clip: Float = .infinity, dropout: DropoutRates = .none,
    seed: UInt64 = 1
  ) {
    precondition(optimizer.parameters === model.parameters, "TrainingStep: an optimizer of another model")
    self.model = model
    self.optimizer = optimizer
    self.clip = clip
    self.dropout = dropout
    self.seed = seed
    loss = model.parameters.device.makeBuffer(.float32, count: 1)[...]
  }

  /// Runs the parts of one batch forward and backward, and updates the weights.
  ///
  /// - Parameters:
  ///   - number: the step's, from 1.
  ///   - parts: in order; without labels nothing is learned.
  /// - Returns: what the step came to. Where it is not finite, nothing was updated.
  /// - Throws: the device's failure.
  public func callAsFunction(_ number: Int, _ parts: [Batch], learningRate: Float) throws -> Optimizer.Status
  {
    let labels = parts.reduce(0) { $0 + $1.labels.count }
    model.parameters.zeroGradients()
    model.parameters.device.elementwise(Fill(loss, with: 0))
    var context = DropoutContext(rates: dropout, seed: seed, step: number)
    for part in parts {
      model.accumulateGradients(
        part, scale: labels == 0 ? 0 : 1 / Float(labels), dropout: context, loss: loss)
      context.firstSample += part.sequences
      context.firstLabel += part.labels.count
    }
    beforeUpdate(number, model.parameters)
    optimizer.update(learningRate: learningRate, maximumNorm: clip, loss: loss)
    return try optimizer.status()
  }
}
