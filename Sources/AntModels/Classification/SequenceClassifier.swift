import AntAutograd
import AntBatch
import AntDevice
import Foundation

/// A model with a head that gives each sequence a label, read at one of its positions.
///
/// The head's parameters lie in the model's flat buffer, so that one optimizer, one norm and one clip serve both.
/// The head reads what transformers calls `last_hidden_state`; the model's own output layer is not used.
public final class SequenceClassifier: Trainable {
  /// The model. Its ``Transformer/parameters`` hold the head's as well.
  public let model: any Transformer
  public let head: ClassificationHead
  public var parameters: Parameters { model.parameters }

  /// A classifier with the weights of `source`, which stays as it is, and a head drawn by `seed`.
  public convenience init(_ source: any Transformer, head: ClassificationHead, seed: UInt64) {
    self.init(source, zeros: head)
    for (number, segment) in head.segments.enumerated() {
      fill(segment, with: head.initialValues(number, seed: seed))
    }
  }

  /// A classifier with the weights of `source` and the head that ``writeHead(to:)`` wrote to `file`.
  ///
  /// - Throws: ``ModelError`` or ``SafeTensorsError``, one line each.
  public convenience init(_ source: any Transformer, head: ClassificationHead, from file: URL) throws {
    self.init(source, zeros: head)
    let tensors = try SafeTensors(contentsOf: file)
    for segment in head.segments {
      guard let entry = tensors.entry(segment.name) else {
        throw ModelError.missingTensor(file: file.path, tensor: segment.name)
      }
      guard entry.shape == segment.shape else {
        throw ModelError.wrongShape(
          file: file.path, tensor: segment.name, found: entry.shape, expected: segment.shape)
      }
      fill(segment, with: try tensors.floats(segment.name))
    }
  }

  private init(_ source: any Transformer, zeros head: ClassificationHead) {
    let architecture = source.configuration.architecture
    precondition(
      head.hiddenSize == architecture.hiddenSize,
      "SequenceClassifier: a head of \(head.hiddenSize) on a model of \(architecture.hiddenSize)")
    let device = source.device
    self.head = head
    model = architecture.makeModel(on: device, with: head.segments)
    for segment in architecture.segments {
      device.elementwise(
        Copy(source.parameters[segment.name].value, into: model.parameters[segment.name].value))
    }
  }

  private func fill(_ segment: Parameters.Segment, with values: [Float]) {
    model.device.write(values, to: parameters[segment.name].vector)
  }

  /// Runs forward and backward: adds the scaled sum of cross-entropies to `loss`, and its gradients to the gradients.
  /// The input must be valid (see ``LanguageModel/validate(_:)``).
  ///
  /// - Parameter batch: its labels are the right class of each sequence, from 0, at the row where it is read.
  public func accumulateGradients(_ batch: Batch, dropout: DropoutContext, into loss: LossSum) {
    precondition(
      batch.labels.allSatisfy { (0..<Int32(head.labels)).contains($0) },
      "SequenceClassifier: labels \(batch.labels) of \(head.labels)")
    if batch.labels.isEmpty { return }
    let tape = Tape(on: model.device, precision: model.precision)
    let hidden = hidden(batch, rows: batch.labelRows, on: tape, dropout: dropout)
    let output = head.output(of: parameters)
    tape.crossEntropy(
      hidden, weight: output.weight, bias: output.bias, labels: batch.labels,
      labelWeights: batch.labelWeights,
      groups: batch.groups, into: loss)
    tape.backward()
  }

  /// The logits of each sequence, `[rows.count, labels]`; nothing is dropped out.
  ///
  /// - Throws: ``ModelError`` for an input the model cannot take, or the device's failure.
  public func logits(_ batch: Batch, rows: [Int32]) throws -> [Float] {
    if rows.isEmpty { return [] }
    try model.validate(batch)
    let tape = Tape(on: model.device, records: false)
    let output = head.output(of: parameters)
    return try tape.logits(
      hidden(batch, rows: rows, on: tape, dropout: nil), weight: output.weight, bias: output.bias)
  }

  /// Writes the head's tensors.
  ///
  /// - Throws: `FileError` or the device's failure.
  public func writeHead(to file: URL) throws {
    let own = Set(head.segments.map(\.name))
    try SafeTensors.write(model.tensors { own.contains($0.name) }, to: file)
  }

  private func hidden(_ batch: Batch, rows: [Int32], on tape: Tape, dropout: DropoutContext?) -> Tensor {
    let states = model.hiddenStates(batch, on: tape, dropout: dropout ?? .none)
    // A final norm goes row by row, so that only those that are read need it.
    let read = model.lastHidden(tape.gather(states, rows: rows), on: tape)
    return head.hidden(read, of: parameters, on: tape, dropout: dropout)
  }
}
