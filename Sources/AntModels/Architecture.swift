import AntAutograd
import AntDevice
import AntFiles
import Foundation

/// Part of the elements that dropout sets to zero while training.
public struct DropoutRates: Equatable, Sendable {
  /// Of embeddings, of what layers add to the residual stream, and in the head.
  public var hidden: Float
  /// Of attention weights, and of what belongs to attention in LTG-BERT.
  public var attention: Float

  public init(hidden: Float, attention: Float) {
    self.hidden = hidden
    self.attention = attention
  }

  public static let none = DropoutRates(hidden: 0, attention: 0)
}

/// The sizes of a model and everything that follows from them before there is one: what its parameters are,
/// how they are drawn, what its files hold.
public protocol Architecture: Codable, Equatable, Sendable {
  /// What config.json calls it under `model_type`.
  static var modelType: String { get }

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
  /// What the model is trained with unless told otherwise.
  var dropoutRates: DropoutRates { get }

  /// The first thing that makes this no model; nil where all is well.
  var problem: String? { get }
  /// Every parameter, in order.
  var segments: [Parameters.Segment] { get }
  /// New weights for the segments of a flat buffer of `count` elements.
  func initialWeights(_ segments: [Parameters.Segment], count: Int, seed: UInt64) -> [Float]
  /// Tensors a file may hold beside the parameters, and the parameter each must equal; nil for those that only
  /// follow from the sizes.
  func isDerived(tensor: String) -> (Bool, equals: String?)
  /// Files that transformers needs beside the model: their names and contents.
  var companions: [(name: String, bytes: [UInt8])] { get }
  /// A model whose weights are all zero, to be filled.
  ///
  /// - Parameter more: parameters beside its own, such as those of a head for a task, in the same flat buffer.
  func makeModel(on device: any Device, with more: [Parameters.Segment]) -> any Transformer
}

extension Architecture {
  public var companions: [(name: String, bytes: [UInt8])] { [] }

  public var headDimension: Int { hiddenSize / heads }

  /// How many numbers the model has.
  public var parameterCount: Int { segments.reduce(0) { $0 + $1.count } }

  /// The rates with `override` in place of what the model says.
  public func dropoutRates(_ override: Float?) -> DropoutRates {
    guard let override else { return dropoutRates }
    return DropoutRates(
      hidden: override, attention: Self.modelType == LlamaConfiguration.modelType ? 0 : override)
  }

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
  var sizeProblem: String? {
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

/// The architecture of a model, whichever it is: what a config.json says.
public enum ModelConfiguration: Equatable, Sendable {
  case llama(LlamaConfiguration)
  case ltgBert(LTGBertConfiguration)

  public var architecture: any Architecture {
    switch self {
    case .llama(let configuration): configuration
    case .ltgBert(let configuration): configuration
    }
  }

  /// The same model with these special tokens.
  public func withSpecialTokens(beginning: Int?, end: Int?, padding: Int?) -> Self {
    func set<Configuration: Architecture>(_ configuration: Configuration) -> Configuration {
      var configuration = configuration
      configuration.beginningID = beginning
      configuration.endID = end
      configuration.paddingID = padding
      return configuration
    }
    switch self {
    case .llama(let configuration): return .llama(set(configuration))
    case .ltgBert(let configuration): return .ltgBert(set(configuration))
    }
  }

  /// What `--model` takes.
  public static let presetNames = LlamaConfiguration.presetNames + LTGBertConfiguration.presetNames

  /// The preset called `name`; nil where there is none.
  public static func preset(_ name: String, vocabularySize: Int, maximumLength: Int? = nil) -> Self? {
    LlamaConfiguration.preset(name, vocabularySize: vocabularySize, maximumLength: maximumLength)
      .map { .llama($0) }
      ?? LTGBertConfiguration.preset(name, vocabularySize: vocabularySize).map { .ltgBert($0) }
  }
}

extension KeyedDecodingContainer {
  /// The id of a special token, the first where there is a list of them; nil for none, which some write as -1.
  func specialToken(_ key: Key, below vocabularySize: Int) throws -> Int? {
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

extension ModelConfiguration: Codable {
  private enum Key: String, CodingKey { case modelType = "model_type" }

  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: Key.self)
    switch try keys.decode(String.self, forKey: .modelType) {
    case LlamaConfiguration.modelType: self = .llama(try LlamaConfiguration(from: decoder))
    case LTGBertConfiguration.modelType: self = .ltgBert(try LTGBertConfiguration(from: decoder))
    case let other:
      throw DecodingError.dataCorruptedError(
        forKey: .modelType, in: keys,
        debugDescription:
          "model_type is '\(other)', not \(LlamaConfiguration.modelType) or \(LTGBertConfiguration.modelType)"
      )
    }
  }

  public func encode(to encoder: any Encoder) throws { try architecture.encode(to: encoder) }

  /// Reads a `config.json`; keys it does not know are passed over.
  ///
  /// - Throws: ``ModelError`` or `FileError`.
  public init(contentsOf file: URL) throws {
    try self.init(FileSystem.read(file), file: file.path)
  }

  /// As ``init(contentsOf:)``, of what a file held.
  ///
  /// - Parameter file: what errors call it.
  public init(_ data: Data, file: String) throws {
    do {
      try self.init(try JSON(data), file: file)
    } catch let error as JSONSyntaxError {
      throw ModelError.invalidConfiguration(file: file, problem: "\(error)")
    }
  }

  /// As ``init(_:file:)``, of the JSON that was read.
  package init(_ json: JSON, file: String) throws {
    do {
      self = try JSONReader().decode(Self.self, from: json)
    } catch let error as DecodingError {
      throw ModelError.invalidConfiguration(file: file, problem: error.problem)
    }
  }
}
