import AntAutograd
import AntDevice
import AntRandom

/// Token ids of some sequences, one after another, and what each position may look at.
public struct ModelInput {
  /// `sequences * length` ids, row-major: row `s * length + t` is position t of sequence s.
  public var ids: [Int32]
  public var mask: AttentionMask

  public init(ids: [Int32], mask: AttentionMask) {
    precondition(
      ids.count == mask.sequences.count * mask.length,
      "ModelInput: \(ids.count) ids for \(mask.sequences.count) sequences of \(mask.length)")
    self.ids = ids
    self.mask = mask
  }

  public var sequences: Int { mask.sequences.count }
  public var length: Int { mask.length }
}

/// Which positions are predicted, and what is right there.
public struct Labels {
  /// Rows of the input (`sequence * length + position`), ascending, none twice.
  public var rows: [Int32]
  /// The right id at each of them.
  public var ids: [Int32]

  public init(rows: [Int32], ids: [Int32]) {
    precondition(rows.count == ids.count, "Labels: \(rows.count) rows, \(ids.count) ids")
    self.rows = rows
    self.ids = ids
  }

  public var count: Int { rows.count }
}

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

/// A Transformer with a vocabulary for its output: the one thing a trainer, a generator or a scorer needs to
/// know.
///
/// The same weights serve every ``AntDevice/AttentionMask``: causal and masked language modeling differ in the
/// mask and the labels alone.
public protocol LanguageModel: AnyObject {
  var parameters: Parameters { get }
  /// Positions a sequence may have.
  var maximumLength: Int { get }
  var vocabularySize: Int { get }

  /// Runs forward and backward: adds to the gradients those of `scale * sum of losses`, and that scaled sum
  /// to `loss[0]`. Without labels it does nothing. The input must be valid (see ``validate(_:)``).
  ///
  /// - Parameter scale: usually 1 / (labels in the whole effective batch).
  func accumulateGradients(
    _ input: ModelInput, labels: Labels, scale: Float, dropout: DropoutContext, loss: BufferSlice)

  /// The loss of each label, in nats. Nothing is recorded, nothing dropped out.
  func losses(_ input: ModelInput, labels: Labels) throws -> [Float]

  /// Logits `[rows.count, vocabularySize]` at the given rows.
  func logits(_ input: ModelInput, rows: [Int32]) throws -> [Float]
}

extension LanguageModel {
  /// Throws a ``ModelError`` where the model cannot take `input`.
  public func validate(_ input: ModelInput) throws {
    guard input.length <= maximumLength else {
      throw ModelError.tooLong(length: input.length, maximum: maximumLength)
    }
    guard let highest = input.ids.max(), let lowest = input.ids.min() else { throw ModelError.emptyInput }
    guard lowest >= 0 && highest < vocabularySize else {
      throw ModelError.unknownToken(id: lowest < 0 ? lowest : highest, vocabulary: vocabularySize)
    }
  }
}
