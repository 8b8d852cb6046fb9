import AntDevice
import AntFiles
import AntInference
import AntModels
import AntText
import AntTraining
import Foundation

extension SequenceClassifier {
  /// The label with the highest logit of each input, the lowest of several; nil where it was stopped.
  ///
  /// - Parameters:
  ///   - positions: of one batch, padding included.
  ///   - stop: asked before each batch.
  /// - Throws: ``InferenceError/notFinite`` or the device's failure.
  func predictions(
    for inputs: ClassificationInputs, mode: Embedder.Mode, readsLast: Bool, padding: Int32,
    positions: Int = Classification.defaultPositions, until stop: () -> Bool = { false }
  ) throws -> [Int]? {
    let sequences = inputs.sequences
    var result = [Int](repeating: 0, count: sequences.count)
    let batches = sequences.indices.batches(positions: positions) { sequences[$0].count }
    for batch in batches {
      if stop() { return nil }
      let input = inputs.batch(batch, mode: mode, readsLast: readsLast, padding: padding)
      let logits = try logits(input, rows: input.labelRows)
      guard logits.allSatisfy(\.isFinite) else { throw InferenceError.notFinite }
      for (place, example) in batch.enumerated() {
        let own = logits[place * head.labels..<(place + 1) * head.labels]
        result[example] = (own.firstIndex(of: own.max() ?? 0) ?? own.startIndex) - own.startIndex
      }
    }
    return result
  }
}

/// A fine-tuned classifier, read from the folder that ``Classification/write(_:to:)`` wrote: a Hugging Face folder of
/// the model, which every command opens, and beside it
///
///     classifier.safetensors    the head's tensors (see ``AntModels/ClassificationHead``)
///     classifier.json           {"task", "labels", "kind", "mode", "reads", "length", "layer_norm_eps"}
public struct TrainedClassifier {
  public let classifier: SequenceClassifier
  public let task: ClassificationTask
  public let mode: Embedder.Mode
  /// Tokens of an input at most: longer ones are cut.
  public let length: Int
  private let readsLast: Bool
  private let tokenizer: Tokenizer

  static let tensors = "classifier.safetensors"
  static let description = "classifier.json"

  /// What classifier.json says.
  private struct Description: Decodable {
    var task: String
    var labels: Int
    var kind: ClassificationHead.Kind
    var mode: String
    var reads: String
    var length: Int
    var layerNormEpsilon: Double?

    enum CodingKeys: String, CodingKey {
      case task, labels, kind, mode, reads, length
      case layerNormEpsilon = "layer_norm_eps"
    }
  }

  /// - Parameter architectures: those the model may be of.
  /// - Throws: ``ClassifierError``, or what opening the model throws.
  public init(_ path: String, on device: any Device, architectures: Architectures = .standard) throws {
    let folder = FileSystem.url(path)
    let file = folder.appending(path: Self.description)
    guard !path.isEmpty, FileSystem.exists(file) else {
      guard path.isEmpty || FileSystem.exists(folder) else { throw RunError.missing(path: path) }
      throw ClassifierError.notAClassifier(path: path)
    }
    let said: Description
    do {
      said = try JSONReader().decode(Description.self, from: FileSystem.read(own: file))
    } catch let error as DecodingError {
      throw ClassifierError.damaged(file: file.path, problem: error.problem)
    }
    guard let task = ClassificationTask(rawValue: said.task), let mode = Embedder.Mode(rawValue: said.mode),
      ["first", "last"].contains(said.reads), said.labels == task.labels, said.length >= 4,
      Float(said.layerNormEpsilon ?? 1) > 0
    else { throw ClassifierError.damaged(file: file.path, problem: "a value that it cannot have") }
    let trained = try TrainedModel(path, on: device, architectures: architectures)
    let head = ClassificationHead(
      said.kind, labels: said.labels, hiddenSize: trained.model.configuration.architecture.hiddenSize,
      normEpsilon: said.layerNormEpsilon ?? 1e-5, initialization: .normal(deviation: 0))
    classifier = try SequenceClassifier(
      trained.model, head: head, from: folder.appending(path: Self.tensors))
    self.task = task
    self.mode = mode
    length = min(said.length, trained.model.maximumLength)
    readsLast = said.reads == "last"
    tokenizer = trained.tokenizer
  }

  /// A label for each example, and how many examples were cut.
  ///
  /// - Throws: ``InferenceError/notFinite`` or the device's failure.
  public func predictions(for examples: ClassificationExamples) throws -> (labels: [Int], cut: Int) {
    let inputs = ClassificationInputs(examples.examples, tokenizer: tokenizer, length: length)
    let labels = try classifier.predictions(
      for: inputs, mode: mode, readsLast: readsLast, padding: tokenizer.specials.padding)
    return (labels ?? [], inputs.cut)
  }
}

extension Classification {
  /// Writes the classifier of a result to the folder `target`, new or empty, for ``TrainedClassifier``; it is whole
  /// or absent.
  ///
  /// - Throws: ``RunError/folderNotEmpty(path:)``, `FileError`, or the device's failure.
  public func write(_ result: Result, to target: String) throws {
    let head = result.classifier.head
    var description = JSONObject()
    description.set("task", task.rawValue)
    description.set("labels", head.labels)
    description.set("kind", head.kind.rawValue)
    description.set("mode", mode.rawValue)
    description.set("reads", readsLast ? "last" : "first")
    description.set("length", length)
    if head.kind == .transform { description.set("layer_norm_eps", head.normEpsilon) }
    try ModelExchange.export(result.classifier.model, tokenizerOf: trained.folder, to: target) { folder in
      try result.classifier.writeHead(to: folder.appending(path: TrainedClassifier.tensors))
      try FileSystem.write(
        Data("\(description)\n".utf8), to: folder.appending(path: TrainedClassifier.description))
    }
  }
}

/// A folder that holds no classifier. Each description is one line: what, where, what to do.
public enum ClassifierError: Error, Equatable, Sendable, CustomStringConvertible {
  case notAClassifier(path: String)
  case damaged(file: String, problem: String)

  public var description: String {
    switch self {
    case .notAClassifier(let path):
      "\(path.isEmpty ? "''" : path.onOneLine) has no \(TrainedClassifier.description); give a folder that "
        + "fine-tuning to classify wrote"
    case .damaged(let file, let problem):
      "\("\(file): \(problem)".onOneLine): not what fine-tuning to classify writes; fine-tune again"
    }
  }
}
