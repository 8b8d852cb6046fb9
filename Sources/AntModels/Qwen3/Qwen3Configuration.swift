import AntAutograd
import AntBatch
import AntDevice

/// Qwen3 (Yang et al. 2025): a ``Llama`` whose queries and keys are normalized head by head before their product, so that
/// attention cannot grow sharp without bound (Henry et al. 2020, QK-norm). Every layer has two vectors of the width of a
/// head more, `q_norm` and `k_norm`; all else, presets included, is a Llama's.
public struct Qwen3Configuration: Architecture {
  public static let modelType = "qwen3"
  public static let about =
    "Qwen3, with as many key and value heads as heads, heads of hidden_size / num_attention_heads, rotary positions "
    + "of the default type, no biases and no sliding windows"

  /// The sizes, as those of a Llama.
  var sizes: LlamaConfiguration

  /// A Qwen3 of the sizes of `llama`.
  public init(_ llama: LlamaConfiguration) {
    sizes = llama
    sizes.normalizesHeads = true
  }

  // MARK: Presets

  private static let prefix = "qwen3-"
  public static let presetNames = ["micro", "mini", "small", "base"].map { prefix + $0 }

  /// The Llama of that size with norms of heads.
  public static func preset(_ name: String, vocabularySize: Int, maximumLength: Int? = nil) -> Self? {
    guard presetNames.contains(name) else { return nil }
    return LlamaConfiguration.preset(
      "llama-" + name.dropFirst(prefix.count), vocabularySize: vocabularySize, maximumLength: maximumLength
    ).map { Self($0) }
  }

  // MARK: A Llama's

  public var vocabularySize: Int { sizes.vocabularySize }
  public var hiddenSize: Int { sizes.hiddenSize }
  public var intermediateSize: Int { sizes.intermediateSize }
  public var layers: Int { sizes.layers }
  public var heads: Int { sizes.heads }
  public var maximumLength: Int { sizes.maximumLength }
  public var beginningID: Int? {
    get { sizes.beginningID }
    set { sizes.beginningID = newValue }
  }
  public var endID: Int? {
    get { sizes.endID }
    set { sizes.endID = newValue }
  }
  public var paddingID: Int? {
    get { sizes.paddingID }
    set { sizes.paddingID = newValue }
  }
  public var activationFloats: (kept: Int, working: Int) { sizes.activationFloats }
  public func dropoutRates(_ override: Float?) -> DropoutRates { sizes.dropoutRates(override) }
  public func classificationHead(labels: Int) -> ClassificationHead {
    sizes.classificationHead(labels: labels)
  }
  public var problem: String? { sizes.problem }
  public var segments: [Parameters.Segment] { sizes.segments }
  public func initialWeights(_ segments: [Parameters.Segment], count: Int, seed: UInt64) -> [Float] {
    sizes.initialWeights(segments, count: count, seed: seed)
  }
  public func derivation(of tensor: String) -> DerivedTensor? { sizes.derivation(of: tensor) }
  public func makeModel(on device: any Device, with more: [Parameters.Segment]) -> any Transformer {
    Llama(zeros: sizes, with: more, on: device)
  }

  // MARK: config.json

  private enum Key: String, CodingKey {
    case headDimension = "head_dim"
    case keyValueHeads = "num_key_value_heads"
    case usesSlidingWindow = "use_sliding_window"
  }

  private static let family = LlamaConfiguration.Family(
    modelClass: "Qwen3ForCausalLM", modelType: modelType, normalizesHeads: true)

  public func encode(to encoder: any Encoder) throws {
    try sizes.encode(to: encoder, as: Self.family)
    var keys = encoder.container(keyedBy: Key.self)
    try keys.encode(false, forKey: .usesSlidingWindow)
  }

  public init(from decoder: any Decoder) throws {
    sizes = try LlamaConfiguration(from: decoder, as: Self.family)
    let keys = try decoder.container(keyedBy: Key.self)
    func refuse(_ key: Key, _ found: String) -> DecodingError {
      .dataCorruptedError(forKey: key, in: keys, debugDescription: "\(key.rawValue) is \(found)")
    }
    // What transformers takes where the file is silent.
    if try keys.decodeIfPresent(Int.self, forKey: .headDimension) == nil, headDimension != 128 {
      throw refuse(
        .headDimension, "not said and so 128, not hidden_size / num_attention_heads = \(headDimension)")
    }
    if try keys.decodeIfPresent(Int.self, forKey: .keyValueHeads) == nil, heads != 32 {
      throw refuse(.keyValueHeads, "not said and so 32, not the \(heads) of num_attention_heads")
    }
    if try keys.decodeIfPresent(Bool.self, forKey: .usesSlidingWindow) == true {
      throw refuse(.usesSlidingWindow, "true")
    }
  }
}
