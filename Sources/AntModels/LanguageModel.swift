import AntAutograd
import AntBatch
import AntDevice
import AntRandom

/// What decides every dropout draw of one forward pass.
///
/// Draws are numbered by step, sample and label, so that neither splitting a batch nor resuming a run changes
/// one.
public struct DropoutContext: Equatable, Sendable {
  public var rates: DropoutRates
  public var seed: UInt64
  public var step: Int
  /// The place of the input's first sequence in the effective batch of the step.
  public var firstSample: Int
  /// How many labels come before the input's first in the effective batch.
  public var firstLabel: Int

  public init(rates: DropoutRates, seed: UInt64, step: Int, firstSample: Int = 0, firstLabel: Int = 0) {
    self.rates = rates
    self.seed = seed
    self.step = step
    self.firstSample = firstSample
    self.firstLabel = firstLabel
  }

  /// No dropout: evaluation, generation.
  public static let none = DropoutContext(rates: .none, seed: 0, step: 0)

  /// The draws of `purpose` in the step, those of layer `layer`.
  public func stream(_ purpose: RandomStream.Purpose, layer: Int = 0) -> RandomStream {
    RandomStream(seed: seed, purpose: purpose, layer: layer, step: step)
  }
}

/// What a training step needs of a model.
public protocol Trainable: AnyObject {
  var parameters: Parameters { get }

  /// Runs forward and backward: adds the scaled sum of the batch's weighted losses to `loss`, and its gradients to
  /// the gradients. Without labels it does nothing. The batch must be valid (see ``LanguageModel/validate(_:)``).
  func accumulateGradients(_ batch: Batch, dropout: DropoutContext, into loss: LossSum)
}

/// A Transformer with a vocabulary for its output: the one thing a trainer, a generator or a scorer needs to
/// know.
///
/// The same weights serve every ``AntBatch/AttentionMask``: causal and masked language modeling differ in the
/// mask and the labels alone.
public protocol LanguageModel: Trainable {
  /// Positions a sequence may have.
  var maximumLength: Int { get }
  var vocabularySize: Int { get }

  /// The loss of each label, in nats, not weighted. Nothing is recorded, nothing dropped out.
  func losses(_ batch: Batch) throws -> [Float]

  /// Logits `[rows.count, vocabularySize]` at the given rows.
  func logits(_ batch: Batch, rows: [Int32]) throws -> [Float]
}

extension LanguageModel {
  /// Throws a ``ModelError`` where the model cannot take `batch`.
  public func validate(_ batch: Batch) throws {
    guard batch.length <= maximumLength else {
      throw ModelError.tooLong(length: batch.length, maximum: maximumLength)
    }
    guard let highest = batch.ids.max(), let lowest = batch.ids.min() else { throw ModelError.emptyInput }
    guard lowest >= 0 && highest < vocabularySize else {
      throw ModelError.unknownToken(id: lowest < 0 ? lowest : highest, vocabulary: vocabularySize)
    }
  }
}
