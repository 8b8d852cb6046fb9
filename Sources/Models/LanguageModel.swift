import Autograd
import Device

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
/// Draws are numbered by step and sample, so that neither splitting a batch nor resuming a run changes one.
public struct DropoutContext: Equatable, Sendable {
  public var probability: Float
  public var seed: UInt64
  public var step: Int
  /// The place of the input's first sequence in the effective batch of the step.
  public var firstSample: Int

  public init(probability: Float, seed: UInt64, step: Int, firstSample: Int = 0) {
    self.probability = probability
    self.seed = seed
    self.step = step
    self.firstSample = firstSample
  }

  /// No dropout: evaluation, generation.
  public static let none = DropoutContext(probability: 0, seed: 0, step: 0)
}

/// A Transformer with a vocabulary for its output: the one thing a trainer, a generator or a scorer needs to
/// know.
///
/// The same weights serve every ``Device/AttentionMask``: causal and masked language modeling differ in the
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

/// An input, a configuration or a checkpoint that a model cannot use. Each description is one line: what,
/// where, what to do.
public enum ModelError: Error, Equatable, Sendable, CustomStringConvertible {
  case tooLong(length: Int, maximum: Int)
  case emptyInput
  case unknownToken(id: Int32, vocabulary: Int)
  case invalidConfiguration(file: String, problem: String)
  case unreadable(file: String, problem: String)
  case missingTensor(file: String, tensor: String)
  case unexpectedTensor(file: String, tensor: String)
  case wrongShape(file: String, tensor: String, found: [Int], expected: [Int])

  public var description: String {
    switch self {
    case .tooLong(let length, let maximum):
      "a sequence of \(length) tokens is longer than the model's \(maximum); shorten it or lower --length"
    case .emptyInput:
      "the input has no tokens; give the model some text"
    case .unknownToken(let id, let vocabulary):
      "token \(id) is outside the model's vocabulary of \(vocabulary); "
        + "use the tokenizer the model was trained with"
    case .invalidConfiguration(let file, let problem):
      "\(file): \(problem); only Llama models as this program and transformers write them are read"
    case .unreadable(let file, let problem):
      "\(file): \(problem); check the path and its permissions"
    case .missingTensor(let file, let tensor):
      "\(file): no tensor '\(tensor)'; the file does not belong to the config.json beside it"
    case .unexpectedTensor(let file, let tensor):
      "\(file): tensor '\(tensor)' is no part of the model; "
        + "the file does not belong to the config.json beside it"
    case .wrongShape(let file, let tensor, let found, let expected):
      "\(file): tensor '\(tensor)' has shape \(found), the model needs \(expected); "
        + "the file does not belong to the config.json beside it"
    }
  }
}
