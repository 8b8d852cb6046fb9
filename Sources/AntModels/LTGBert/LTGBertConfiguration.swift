import AntAutograd
import AntBatch
import AntDevice

/// The sizes and options of an LTG-BERT (Samuel et al. 2023, "Trained on 100 million words and still in shape"),
/// with the keys of its `config.json`.
public struct LTGBertConfiguration: Architecture {
  public static let modelType = "ltgbert"
  public static let about =
    "LTG-BERT, in either order of its position projections, which config.json has to say or its reader"
  public static let unsaidKeys = [
    UnsaidKey(
      Key.positionProjection.rawValue, values: PositionProjection.allCases.map(\.rawValue),
      about:
        "Which LTG-BERT it is, where its config.json does not say: blocked is the authors', per_head a published "
        + "port's.")
  ]
  public static let pattern = AttentionMask.Pattern.bidirectional

  public var vocabularySize: Int
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layers: Int
  public var heads: Int
  /// `max_position_embeddings`: distances from here on are one bucket. Sequences may be longer.
  public var farthestDistance: Int
  /// `position_bucket_size`: buckets on each side of distance 0, that one included.
  public var bucketSize: Int
  /// Of the layer norms.
  public var normEpsilon: Double
  public var hiddenDropout: Double
  /// Of attention weights, and of relative embeddings and contexts.
  public var attentionDropout: Double
  public var positionProjection: PositionProjection
  public var paddingID: Int?
  public var beginningID: Int?
  public var endID: Int?

  public init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int,
    farthestDistance: Int = 512, bucketSize: Int = 32, normEpsilon: Double = 1e-7,
    hiddenDropout: Double = 0.1, attentionDropout: Double = 0.1,
    positionProjection: PositionProjection = .blocked, paddingID: Int? = nil, beginningID: Int? = nil,
    endID: Int? = nil
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layers = layers
    self.heads = heads
    self.farthestDistance = farthestDistance
    self.bucketSize = bucketSize
    self.normEpsilon = normEpsilon
    self.hiddenDropout = hiddenDropout
    self.attentionDropout = attentionDropout
    self.positionProjection = positionProjection
    self.paddingID = paddingID
    self.beginningID = beginningID
    self.endID = endID
  }

  /// As far as attention reaches: there are no absolute positions.
  public var maximumLength: Int { AttentionDropout.maximumKeys }

  public var dropoutRates: DropoutRates {
    DropoutRates(hidden: Float(hiddenDropout), attention: Float(attentionDropout))
  }

  /// As a Llama's, and what the norm after attention reads; at work, position scores and their gradients.
  public var activationFloats: (kept: Int, working: Int) {
    let scores = heads * RelativePositions.pitch(buckets: buckets.count)
    return (
      7 * hiddenSize + heads + 2 * intermediateSize, 7 * hiddenSize + 3 * intermediateSize + 4 * scores
    )
  }

  var buckets: LogBuckets { LogBuckets(size: bucketSize, farthest: farthestDistance) }

  public var distances: RelativeDistances {
    RelativeDistances(
      count: buckets.count,
      columns: positionProjection.columns(width: hiddenSize, headDimension: headDimension),
      bucket: buckets.bucket)
  }

  /// That of the authors, with the model's norms and dropout.
  public func classificationHead(labels: Int) -> ClassificationHead {
    ClassificationHead(
      .transform, labels: labels, hiddenSize: hiddenSize, normEpsilon: normEpsilon,
      dropout: Float(hiddenDropout), initialization: .truncatedNormal)
  }

  // MARK: Presets

  public static let benchmarkPreset: String? = "ltg-bert-mini"
  public static let presetNames = ["ltg-bert-mini", "ltg-bert-xs", "ltg-bert-small", "ltg-bert-base"]

  /// The preset called `name`; nil where there is none. All but the mini one are the authors'.
  ///
  /// - Parameter maximumLength: of no account: there is no such limit.
  public static func preset(_ name: String, vocabularySize: Int, maximumLength: Int? = nil) -> Self? {
    let sizes: (hidden: Int, intermediate: Int, layers: Int, heads: Int)
    switch name {
    case "ltg-bert-mini": sizes = (256, 640, 4, 4)
    case "ltg-bert-xs": sizes = (192, 512, 12, 3)
    case "ltg-bert-small": sizes = (384, 1024, 12, 6)
    case "ltg-bert-base": sizes = (768, 2048, 12, 12)
    default: return nil
    }
    return Self(
      vocabularySize: vocabularySize, hiddenSize: sizes.hidden, intermediateSize: sizes.intermediate,
      layers: sizes.layers, heads: sizes.heads)
  }

  public var problem: String? {
    if let sizeProblem { return sizeProblem }
    if !(2...64).contains(bucketSize) {
      return "position_bucket_size is \(bucketSize), which must be 2 to 64"
    }
    if farthestDistance <= bucketSize || farthestDistance > 1 << 20 {
      return "max_position_embeddings is \(farthestDistance), which must be more than position_bucket_size"
    }
    if !(Float(normEpsilon) > 0 && normEpsilon < 1) { return "layer_norm_eps is \(normEpsilon)" }
    for (key, rate) in [
      ("hidden_dropout_prob", hiddenDropout), ("attention_probs_dropout_prob", attentionDropout),
    ] where !(rate >= 0 && rate < 1) {
      return "\(key) is \(rate)"
    }
    return nil
  }
}

// MARK: - config.json

extension LTGBertConfiguration {
  private enum Key: String, CodingKey {
    case architectures
    case modelType = "model_type"
    case hiddenSize = "hidden_size"
    case intermediateSize = "intermediate_size"
    case layers = "num_hidden_layers"
    case heads = "num_attention_heads"
    case farthestDistance = "max_position_embeddings"
    case bucketSize = "position_bucket_size"
    case normEpsilon = "layer_norm_eps"
    case hiddenDropout = "hidden_dropout_prob"
    case attentionDropout = "attention_probs_dropout_prob"
    case positionProjection = "position_projection"
    case beginningID = "bos_token_id"
    case endID = "eos_token_id"
    case paddingID = "pad_token_id"
    case vocabularySize = "vocab_size"
    case dataType = "torch_dtype"
    case classes = "auto_map"
  }

  /// What transformers needs to open the model with the modeling file that lies beside it.
  private static let classes = [
    "AutoConfig": "modeling_ltgbert.LtgBertConfig",
    "AutoModel": "modeling_ltgbert.LtgBertModel",
    "AutoModelForMaskedLM": "modeling_ltgbert.LtgBertForMaskedLM",
    "AutoModelForCausalLM": "modeling_ltgbert.LtgBertForCausalLM",
  ]

  public func encode(to encoder: any Encoder) throws {
    var keys = encoder.container(keyedBy: Key.self)
    try keys.encode(["LtgBertForMaskedLM"], forKey: .architectures)
    try keys.encode(Self.modelType, forKey: .modelType)
    try keys.encode(hiddenSize, forKey: .hiddenSize)
    try keys.encode(intermediateSize, forKey: .intermediateSize)
    try keys.encode(layers, forKey: .layers)
    try keys.encode(heads, forKey: .heads)
    try keys.encode(farthestDistance, forKey: .farthestDistance)
    try keys.encode(bucketSize, forKey: .bucketSize)
    try keys.encode(normEpsilon, forKey: .normEpsilon)
    try keys.encode(hiddenDropout, forKey: .hiddenDropout)
    try keys.encode(attentionDropout, forKey: .attentionDropout)
    try keys.encode(positionProjection, forKey: .positionProjection)
    try keys.encode(beginningID, forKey: .beginningID)
    try keys.encode(endID, forKey: .endID)
    try keys.encode(paddingID, forKey: .paddingID)
    try keys.encode(vocabularySize, forKey: .vocabularySize)
    try keys.encode("float32", forKey: .dataType)
    try keys.encode(Self.classes, forKey: .classes)
  }

  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: Key.self)
    guard let projection = try keys.decodeIfPresent(String.self, forKey: .positionProjection) else {
      throw DecodingError.dataCorruptedError(
        forKey: .positionProjection, in: keys,
        debugDescription:
          "position_projection is not there, which says which of the two LTG-BERTs this is: blocked or "
          + "per_head")
    }
    guard let layout = PositionProjection(rawValue: projection) else {
      throw DecodingError.dataCorruptedError(
        forKey: .positionProjection, in: keys,
        debugDescription: "position_projection is '\(projection)', not blocked or per_head")
    }
    let vocabularySize = try keys.decode(Int.self, forKey: .vocabularySize)
    self.init(
      vocabularySize: vocabularySize,
      hiddenSize: try keys.decode(Int.self, forKey: .hiddenSize),
      intermediateSize: try keys.decode(Int.self, forKey: .intermediateSize),
      layers: try keys.decode(Int.self, forKey: .layers),
      heads: try keys.decode(Int.self, forKey: .heads),
      farthestDistance: try keys.decodeIfPresent(Int.self, forKey: .farthestDistance) ?? 512,
      bucketSize: try keys.decodeIfPresent(Int.self, forKey: .bucketSize) ?? 32,
      normEpsilon: try keys.decodeIfPresent(Double.self, forKey: .normEpsilon) ?? 1e-7,
      hiddenDropout: try keys.decodeIfPresent(Double.self, forKey: .hiddenDropout) ?? 0.1,
      attentionDropout: try keys.decodeIfPresent(Double.self, forKey: .attentionDropout) ?? 0.1,
      positionProjection: layout,
      paddingID: try keys.specialToken(.paddingID, below: vocabularySize),
      beginningID: try keys.specialToken(.beginningID, below: vocabularySize),
      endID: try keys.specialToken(.endID, below: vocabularySize))
    if let problem {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: problem))
    }
  }
}
