import AntAutograd
import AntBatch
import AntDevice

/// Part of the elements that dropout sets to zero while training.
public struct DropoutRates: Equatable, Sendable {
  /// Of embeddings, of what layers add to the residual stream, and in the head.
  public var hidden: Float
  /// Of attention weights, and of what else an architecture counts to attention.
  public var attention: Float

  public init(hidden: Float, attention: Float) {
    self.hidden = hidden
    self.attention = attention
  }

  public static let none = DropoutRates(hidden: 0, attention: 0)
}

/// The sizes of a model and everything that follows from them before there is one: what its parameters are,
/// how they are drawn, what its files hold, how it is fine-tuned. A new architecture is a type of this kind and its
/// ``Transformer``, put on a list (see ``Architectures``).
///
/// Its coding is that of `config.json`: it writes `model_type` and the keys of Hugging Face, and refuses what it
/// cannot compute by throwing `DecodingError.dataCorrupted` with what is wrong as the description.
public protocol Architecture: Codable, Equatable, Sendable {
  // MARK: As a member of a list

  /// What config.json calls it under `model_type`.
  static var modelType: String { get }
  /// Which models of that type are read, in a sentence.
  static var about: String { get }
  /// Keys that config.json may leave out though the model depends on them: whoever takes the model in says them.
  static var unsaidKeys: [UnsaidKey] { get }
  /// Names of common sizes.
  static var presetNames: [String] { get }
  /// The sizes called `name`; nil where there are none.
  ///
  /// - Parameter maximumLength: positions, where the architecture has a limit; nil for the preset's own.
  static func preset(_ name: String, vocabularySize: Int, maximumLength: Int?) -> Self?
  /// The preset that stands for the architecture where speed is measured; nil for none.
  static var benchmarkPreset: String? { get }
  /// What the weights were made to see: ``AntBatch/AttentionMask/Pattern/causal`` or
  /// ``AntBatch/AttentionMask/Pattern/bidirectional``. Fine-tuning goes by it unless told otherwise.
  static var pattern: AttentionMask.Pattern { get }

  // MARK: Sizes

  var vocabularySize: Int { get }
  var hiddenSize: Int { get }
  /// Width of the gated feed-forward layer.
  var intermediateSize: Int { get }
  var layers: Int { get }
  var heads: Int { get }
  /// Positions a sequence may have.
  var maximumLength: Int { get }
  /// The token that begins a text, as config.json tells other programs; nil where none does.
  var beginningID: Int? { get set }
  /// The token that ends a text.
  var endID: Int? { get set }
  /// The token that fills up a batch.
  var paddingID: Int? { get set }
  /// Floats a token needs in training: those a layer keeps for its backward pass, and those that the layer at
  /// work and the head hold beside that.
  var activationFloats: (kept: Int, working: Int) { get }
  /// Outputs and inputs of the products that a layer makes of every token.
  var products: [(outputs: Int, inputs: Int)] { get }
  /// What the model is trained with unless told otherwise.
  var dropoutRates: DropoutRates { get }
  /// What it is trained with where one rate is told for all.
  func dropoutRates(_ override: Float?) -> DropoutRates

  /// The first thing that makes this no model; nil where all is well.
  var problem: String? { get }

  // MARK: Parameters and files

  /// Every parameter, in order.
  var segments: [Parameters.Segment] { get }
  /// New weights for the segments of a flat buffer of `count` elements.
  func initialWeights(_ segments: [Parameters.Segment], count: Int, seed: UInt64) -> [Float]
  /// What a tensor is that a file may hold beside the parameters; nil for one that is no part of the model.
  func derivation(of tensor: String) -> DerivedTensor?
  /// Files that transformers needs beside the model: their names and contents.
  var companions: [(name: String, bytes: [UInt8])] { get }

  // MARK: Models

  /// A model whose weights are all zero, to be filled.
  ///
  /// - Parameter more: parameters beside its own, such as those of a head for a task, in the same flat buffer.
  func makeModel(on device: any Device, with more: [Parameters.Segment]) -> any Transformer
  /// The head that transformers gives it for so many labels.
  func classificationHead(labels: Int) -> ClassificationHead
}

/// A key of config.json that a model depends on and that some files leave out.
public struct UnsaidKey: Equatable, Sendable {
  public var name: String
  /// What it may say.
  public var values: [String]
  /// What it decides, in a sentence.
  public var about: String

  public init(_ name: String, values: [String], about: String) {
    self.name = name
    self.values = values
    self.about = about
  }
}

/// A tensor that follows from the parameters.
public enum DerivedTensor: Equatable, Sendable {
  /// One parameter under a second name; it must hold the same.
  case copy(of: String)
  /// What follows from the sizes; nobody reads it.
  case implied
}

extension Architecture {
  public static var about: String { "" }
  public static var unsaidKeys: [UnsaidKey] { [] }
  public static var presetNames: [String] { [] }
  public static func preset(_ name: String, vocabularySize: Int, maximumLength: Int?) -> Self? { nil }
  public static var benchmarkPreset: String? { nil }
  public static var pattern: AttentionMask.Pattern { .causal }

  /// Queries, keys and values together, the way back, the gated layer both ways.
  public var products: [(outputs: Int, inputs: Int)] {
    [
      (3 * hiddenSize, hiddenSize), (hiddenSize, hiddenSize), (2 * intermediateSize, hiddenSize),
      (hiddenSize, intermediateSize),
    ]
  }

  public var dropoutRates: DropoutRates { .none }
  public func dropoutRates(_ override: Float?) -> DropoutRates {
    override.map { DropoutRates(hidden: $0, attention: $0) } ?? dropoutRates
  }

  public var problem: String? { sizeProblem }
  public func derivation(of tensor: String) -> DerivedTensor? { nil }
  public var companions: [(name: String, bytes: [UInt8])] { [] }

  /// One layer, drawn from normal(0, 0.02).
  public func classificationHead(labels: Int) -> ClassificationHead {
    ClassificationHead(
      .linear, labels: labels, hiddenSize: hiddenSize, initialization: .normal(deviation: 0.02))
  }

  public var headDimension: Int { hiddenSize / heads }

  /// How many numbers the model has.
  public var parameterCount: Int { segments.reduce(0) { $0 + $1.count } }

  /// A model whose weights are all zero, to be filled.
  public func makeModel(on device: any Device) -> any Transformer { makeModel(on: device, with: []) }

  /// A new model with weights drawn by `seed`.
  public func makeModel(seed: UInt64, on device: any Device) -> any Transformer {
    let model = makeModel(on: device)
    let parameters = model.parameters
    parameters.write(initialWeights(parameters.segments, count: parameters.count, seed: seed))
    return model
  }

  /// What every architecture asks of its sizes.
  public var sizeProblem: String? {
    for (key, value) in [
      ("vocab_size", vocabularySize), ("hidden_size", hiddenSize), ("intermediate_size", intermediateSize),
      ("num_hidden_layers", layers), ("num_attention_heads", heads),
    ] where value < 1 || value > 1 << 24 {
      return "\(key) is \(value)"
    }
    if layers > 4096 { return "num_hidden_layers is \(layers)" }
    // Within this every size in bytes can be counted.
    let (width, inner) = (Double(hiddenSize), Double(intermediateSize))
    let parameters = 2 * Double(vocabularySize) * width + Double(layers) * width * (4 * width + 3 * inner)
    if parameters > 1e12 { return "its sizes make more than 10^12 parameters" }
    if hiddenSize % heads != 0 || headDimension % 2 != 0 {
      return "hidden_size \(hiddenSize) does not divide into \(heads) heads of an even size"
    }
    if headDimension > AttentionShape.maximumHeadDimension {
      return
        "hidden_size \(hiddenSize) in \(heads) heads makes them \(headDimension) wide; "
        + "at most \(AttentionShape.maximumHeadDimension) is possible"
    }
    return nil
  }
}

extension KeyedDecodingContainer {
  /// The id of a special token, the first where there is a list of them; nil for none, which some write as -1.
  ///
  /// - Throws: `DecodingError` where it is no token of the vocabulary.
  public func specialToken(_ key: Key, below vocabularySize: Int) throws -> Int? {
    let id: Int?
    if let ids = try? decode([Int].self, forKey: key) {
      id = ids.first
    } else {
      id = try decodeIfPresent(Int.self, forKey: key)
    }
    guard let id, id != -1 else { return nil }
    guard id >= 0 && id < vocabularySize else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self,
        debugDescription: "\(key.stringValue) is \(id), no token of the \(vocabularySize) of vocab_size")
    }
    return id
  }
}
