import Foundation

/// The sizes and options of a Llama model, with the keys of a Hugging Face `config.json`.
public struct LlamaConfiguration: Architecture {
  public static let modelType = "llama"
  public static let about =
    "Llama, with as many key and value heads as heads, heads of hidden_size / num_attention_heads, rotary positions "
    + "of the default type and no biases"

  public var vocabularySize: Int
  public var hiddenSize: Int
  /// Width of the gated feed-forward layer.
  public var intermediateSize: Int
  public var layers: Int
  public var heads: Int
  /// Positions a sequence may have.
  public var maximumLength: Int
  /// Of the RMS norms.
  public var normEpsilon: Double
  /// Base of the rotary embeddings' wavelengths.
  public var ropeTheta: Double
  /// Whether the output layer is the embedding table.
  public var tiesEmbeddings: Bool
  /// Whether queries and keys are normalized head by head before they are turned, as ``Qwen3Configuration`` does.
  var normalizesHeads = false
  /// Standard deviation of the initial weights.
  public var initializerRange: Double
  public var paddingID: Int?
  public var beginningID: Int?
  public var endID: Int?

  public init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int,
    maximumLength: Int = 512, normEpsilon: Double = 1e-6, ropeTheta: Double = 10_000,
    tiesEmbeddings: Bool = true, initializerRange: Double = 0.02, paddingID: Int? = 0, beginningID: Int? = 1,
    endID: Int? = 2
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layers = layers
    self.heads = heads
    self.maximumLength = maximumLength
    self.normEpsilon = normEpsilon
    self.ropeTheta = ropeTheta
    self.tiesEmbeddings = tiesEmbeddings
    self.initializerRange = initializerRange
    self.paddingID = paddingID
    self.beginningID = beginningID
    self.endID = endID
  }

  // MARK: Presets

  public static let benchmarkPreset: String? = "llama-mini"
  public static let presetNames = [
    "llama-micro", "llama-mini", "llama-small", "llama-base", "babyllama", "llama-97m",
  ]

  /// The preset called `name`; nil where there is none. Embeddings are tied, but for babyllama's.
  ///
  /// - Parameter maximumLength: 512 unless told, and 256 for babyllama.
  public static func preset(_ name: String, vocabularySize: Int, maximumLength: Int? = nil) -> Self? {
    let sizes: (hidden: Int, intermediate: Int, layers: Int, heads: Int)
    switch name {
    case "llama-micro": sizes = (128, 384, 2, 2)
    case "llama-mini": sizes = (256, 768, 4, 4)
    case "llama-small": sizes = (384, 1024, 12, 6)
    case "llama-base", "llama-97m": sizes = (768, 2048, 12, 12)
    // Timiryasov & Tastet 2023.
    case "babyllama": sizes = (512, 1024, 16, 8)
    default: return nil
    }
    return Self(
      vocabularySize: vocabularySize, hiddenSize: sizes.hidden, intermediateSize: sizes.intermediate,
      layers: sizes.layers, heads: sizes.heads,
      maximumLength: maximumLength ?? (name == "babyllama" ? 256 : 512),
      tiesEmbeddings: name != "babyllama")
  }

  /// Kept: two residual streams, queries, keys, values (before and after their norm, where there is one), contexts,
  /// log-sum-exps, gate and up.
  public var activationFloats: (kept: Int, working: Int) {
    let width = (normalizesHeads ? 9 : 6) * hiddenSize
    return (width + heads + 2 * intermediateSize, width + 2 * intermediateSize)
  }

  /// Hugging Face's Llama has none, and none anywhere in attention.
  public func dropoutRates(_ override: Float?) -> DropoutRates {
    DropoutRates(hidden: override ?? 0, attention: 0)
  }

  /// One layer, drawn as the model's matrices.
  public func classificationHead(labels: Int) -> ClassificationHead {
    ClassificationHead(
      .linear, labels: labels, hiddenSize: hiddenSize, initialization: .normal(deviation: initializerRange))
  }

  public var problem: String? {
    if let sizeProblem { return sizeProblem }
    if maximumLength < 1 { return "max_position_embeddings is \(maximumLength)" }
    if maximumLength > 1 << 20 { return "max_position_embeddings is \(maximumLength), more than 2^20" }
    if !(Float(normEpsilon) > 0 && normEpsilon < 1) { return "rms_norm_eps is \(normEpsilon)" }
    if !(ropeTheta > 1 && Float(ropeTheta).isFinite) { return "rope_theta is \(ropeTheta)" }
    if !(initializerRange >= 0 && initializerRange < 100) {
      return "initializer_range is \(initializerRange)"
    }
    return nil
  }
}

// MARK: - config.json

extension LlamaConfiguration {
  /// What tells the models apart that share this config.json.
  struct Family {
    /// What transformers calls the model.
    let modelClass: String
    let modelType: String
    let normalizesHeads: Bool

    static let llama = Family(
      modelClass: "LlamaForCausalLM", modelType: LlamaConfiguration.modelType, normalizesHeads: false)
  }

  private enum Key: String, CodingKey {
    case architectures
    case modelType = "model_type"
    case hiddenSize = "hidden_size"
    case intermediateSize = "intermediate_size"
    case layers = "num_hidden_layers"
    case heads = "num_attention_heads"
    case keyValueHeads = "num_key_value_heads"
    case headDimension = "head_dim"
    case activation = "hidden_act"
    case maximumLength = "max_position_embeddings"
    case normEpsilon = "rms_norm_eps"
    case ropeTheta = "rope_theta"
    case ropeScaling = "rope_scaling"
    case ropeParameters = "rope_parameters"
    case rotaryPart = "partial_rotary_factor"
    case attentionBias = "attention_bias"
    case attentionDropout = "attention_dropout"
    case mlpBias = "mlp_bias"
    case tiesEmbeddings = "tie_word_embeddings"
    case initializerRange = "initializer_range"
    case beginningID = "bos_token_id"
    case endID = "eos_token_id"
    case paddingID = "pad_token_id"
    case vocabularySize = "vocab_size"
    case dataType = "torch_dtype"
    case usesCache = "use_cache"
  }

  public func encode(to encoder: any Encoder) throws { try encode(to: encoder, as: .llama) }

  func encode(to encoder: any Encoder, as family: Family) throws {
    var keys = encoder.container(keyedBy: Key.self)
    try keys.encode([family.modelClass], forKey: .architectures)
    try keys.encode(family.modelType, forKey: .modelType)
    try keys.encode(hiddenSize, forKey: .hiddenSize)
    try keys.encode(intermediateSize, forKey: .intermediateSize)
    try keys.encode(layers, forKey: .layers)
    try keys.encode(heads, forKey: .heads)
    try keys.encode(heads, forKey: .keyValueHeads)
    // Left out it would mean 128 to transformers' Qwen3.
    if family.normalizesHeads { try keys.encode(headDimension, forKey: .headDimension) }
    try keys.encode("silu", forKey: .activation)
    try keys.encode(maximumLength, forKey: .maximumLength)
    try keys.encode(normEpsilon, forKey: .normEpsilon)
    try keys.encode(ropeTheta, forKey: .ropeTheta)
    try keys.encodeNil(forKey: .ropeScaling)
    try keys.encode(false, forKey: .attentionBias)
    try keys.encode(0.0, forKey: .attentionDropout)
    try keys.encode(false, forKey: .mlpBias)
    try keys.encode(tiesEmbeddings, forKey: .tiesEmbeddings)
    try keys.encode(initializerRange, forKey: .initializerRange)
    try keys.encode(beginningID, forKey: .beginningID)
    try keys.encode(endID, forKey: .endID)
    try keys.encode(paddingID, forKey: .paddingID)
    try keys.encode(vocabularySize, forKey: .vocabularySize)
    try keys.encode("float32", forKey: .dataType)
    try keys.encode(true, forKey: .usesCache)
  }

  /// Reads what transformers writes; keys that mean a model this one cannot compute are refused.
  public init(from decoder: any Decoder) throws { try self.init(from: decoder, as: .llama) }

  init(from decoder: any Decoder, as family: Family) throws {
    let keys = try decoder.container(keyedBy: Key.self)
    func refuse(_ key: Key, _ found: String) -> DecodingError {
      .dataCorruptedError(forKey: key, in: keys, debugDescription: "\(key.rawValue) is \(found)")
    }
    let modelType = try keys.decode(String.self, forKey: .modelType)
    if modelType != family.modelType { throw refuse(.modelType, "'\(modelType)'") }
    var rope: RopeParameters?
    for key in [Key.ropeParameters, .ropeScaling] {
      guard let parameters = try keys.decodeIfPresent(RopeParameters.self, forKey: key) else { continue }
      if let problem = parameters.problem { throw refuse(key, problem) }
      // Of the two the older name goes first where it says anything.
      if !parameters.isEmpty { rope = parameters }
    }
    if let part = try keys.decodeIfPresent(Double.self, forKey: .rotaryPart), part != 1 {
      throw refuse(.rotaryPart, "\(part), not 1")
    }
    let vocabularySize = try keys.decode(Int.self, forKey: .vocabularySize)
    self.init(
      vocabularySize: vocabularySize,
      hiddenSize: try keys.decode(Int.self, forKey: .hiddenSize),
      intermediateSize: try keys.decode(Int.self, forKey: .intermediateSize),
      layers: try keys.decode(Int.self, forKey: .layers),
      heads: try keys.decode(Int.self, forKey: .heads),
      maximumLength: try keys.decodeIfPresent(Int.self, forKey: .maximumLength) ?? 2048,
      normEpsilon: try keys.decodeIfPresent(Double.self, forKey: .normEpsilon) ?? 1e-6,
      ropeTheta: try rope?.theta ?? keys.decodeIfPresent(Double.self, forKey: .ropeTheta) ?? 10_000,
      tiesEmbeddings: try keys.decodeIfPresent(Bool.self, forKey: .tiesEmbeddings) ?? false,
      initializerRange: try keys.decodeIfPresent(Double.self, forKey: .initializerRange) ?? 0.02,
      paddingID: try keys.specialToken(.paddingID, below: vocabularySize),
      beginningID: try keys.specialToken(.beginningID, below: vocabularySize),
      endID: try keys.specialToken(.endID, below: vocabularySize))
    normalizesHeads = family.normalizesHeads
    if let groups = try keys.decodeIfPresent(Int.self, forKey: .keyValueHeads), groups != heads {
      throw refuse(.keyValueHeads, "\(groups), not the \(heads) of num_attention_heads")
    }
    if let problem {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: problem))
    }
    if let size = try keys.decodeIfPresent(Int.self, forKey: .headDimension), size != headDimension {
      throw refuse(.headDimension, "\(size), not hidden_size / num_attention_heads = \(headDimension)")
    }
    let activation = try keys.decodeIfPresent(String.self, forKey: .activation) ?? "silu"
    if !["silu", "swish"].contains(activation) { throw refuse(.activation, "'\(activation)'") }
    for key in [Key.attentionBias, .mlpBias]
    where try keys.decodeIfPresent(Bool.self, forKey: key) == true {
      throw refuse(key, "true")
    }
  }
}
