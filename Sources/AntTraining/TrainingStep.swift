import AntAutograd
import AntBatch
import AntDevice
import AntModels

/// One step of training, whoever trains: pre-training, fine-tuning, translation, a benchmark, or a loop of your own.
///
/// For a batch of any number of parts, split only to save memory, whose denominators add up to D (usually the number of
/// labels):
///
///     gradients = sum over parts of d/dw (1 / D) sum of weighted losses
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
  /// What the square of a log-sum-exp counts beside its loss.
  public let zLoss: Float
  /// What the latest step's groups of sequences (see ``AntBatch/Batch/groups``) came to: their parts of its loss. Empty
  /// where nobody asked for more than one.
  public private(set) var groupLosses: [Float] = []
  /// On the device: the loss, and those of groups.
  private let losses: BufferSlice
  /// Called with the step before its update: a test's place to spoil a gradient.
  var beforeUpdate: (Int, Parameters) -> Void = { _, _ in }

  /// - Parameter optimizer: of the model's parameters.
  public init(
    _ model: any Trainable, optimizer: Optimizer, clip: Float = .infinity, dropout: DropoutRates = .none,
    zLoss: Float = 0, seed: UInt64 = 1
  ) {
    precondition(optimizer.parameters === model.parameters, "TrainingStep: an optimizer of another model")
    self.model = model
    self.optimizer = optimizer
    self.clip = clip
    self.dropout = dropout
    self.zLoss = zLoss
    self.seed = seed
    losses = model.parameters.device.makeBuffer(.float32, count: 1 + Self.mostGroups)[...]
  }

  /// Groups of sequences whose losses can be told apart.
  public static let mostGroups = 63

  /// Runs the parts of one batch forward and backward, and updates the weights.
  ///
  /// - Parameters:
  ///   - number: the step's, from 1.
  ///   - parts: in order; without labels nothing is learned.
  ///   - groups: of sequences whose losses are told apart, at most ``mostGroups``.
  /// - Returns: what the step came to. Where it is not finite, nothing was updated.
  /// - Throws: the device's failure.
  public func callAsFunction(
    _ number: Int, _ parts: [Batch], groups: Int = 1, learningRate: Float
  ) throws -> Optimizer.Status {
    let denominator = parts.reduce(0) { $0 + $1.denominator }
    let device = model.parameters.device
    model.parameters.zeroGradients()
    let sums = losses[0..<(groups > 1 ? 1 + groups : 1)]
    device.elementwise(Fill(sums, with: 0))
    let loss = LossSum(sums, scale: denominator > 0 ? 1 / Float(denominator) : 0, zLoss: zLoss)
    var context = DropoutContext(rates: dropout, seed: seed, step: number)
    for part in parts {
      model.accumulateGradients(part, dropout: context, into: loss)
      context.firstSample += part.sequences
      context.firstLabel += part.labels.count
    }
    beforeUpdate(number, model.parameters)
    optimizer.update(learningRate: learningRate, maximumNorm: clip, loss: sums)
    let status = try optimizer.status()
    groupLosses = groups > 1 ? Array(try device.read(sums).dropFirst()) : []
    return status
  }
}
