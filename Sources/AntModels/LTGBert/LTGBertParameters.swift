import AntAutograd
import AntDevice
import AntRandom

/// How an LTG-BERT's parameters are called, laid out and drawn. Tensors have the names its authors gave them; the
/// fused matrices, which no checkpoint knows, have names of their own.
extension LTGBert {
  enum Name {
    static let embedding = "embedding.word_embedding.weight"
    static let relativeEmbedding = "embedding.relative_embedding"
    static let relativeNorm = "embedding.relative_layer_norm"
    static let transform = "classifier.nonlinearity.1.weight"
    static let transformBias = "classifier.nonlinearity.1.bias"
    /// The embedding again, in files that repeat what is tied.
    static let output = "classifier.nonlinearity.5.weight"
    static let outputBias = "classifier.nonlinearity.5.bias"

    struct Layer {
      let prefix: String
      var queryKeyValue: String { prefix + "attention.in_proj_qkv.weight" }
      var queryKeyValueBias: String { prefix + "attention.in_proj_qkv.bias" }
      var attentionOutput: String { prefix + "attention.out_proj.weight" }
      var attentionOutputBias: String { prefix + "attention.out_proj.bias" }
      var attentionNorm: String { prefix + "attention.post_layer_norm" }
      var upGate: String { prefix + "mlp.mlp.1.weight" }
      var down: String { prefix + "mlp.mlp.4.weight" }
    }

    static func layer(_ index: Int) -> Layer { Layer(prefix: "transformer.layers.\(index).") }
  }
}

extension LTGBertConfiguration {
  /// Neither embeddings nor norms nor biases decay.
  public var segments: [Parameters.Segment] {
    typealias Name = LTGBert.Name
    func norm(_ name: String) -> [Parameters.Segment] {
      [.vector(name + ".weight", count: hiddenSize), .vector(name + ".bias", count: hiddenSize)]
    }
    var segments: [Parameters.Segment] = [
      .matrix(Name.embedding, rows: vocabularySize, columns: hiddenSize, decays: false),
      .matrix(
        Name.relativeEmbedding, rows: buckets.count, columns: hiddenSize, decays: false),
    ]
    segments += norm(Name.relativeNorm)
    for layer in 0..<layers {
      let name = Name.layer(layer)
      func parts(_ kind: String) -> [Parameters.Segment.Part] {
        [
          .init("\(name.prefix)attention.in_proj_qk.\(kind)", rows: 2 * hiddenSize),
          .init("\(name.prefix)attention.in_proj_v.\(kind)", rows: hiddenSize),
        ]
      }
      segments += [
        .matrix(
          name.queryKeyValue, rows: 3 * hiddenSize, columns: hiddenSize, parts: parts("weight"),
          isHidden: true),
        .vector(name.queryKeyValueBias, count: 3 * hiddenSize, parts: parts("bias")),
        .matrix(name.attentionOutput, rows: hiddenSize, columns: hiddenSize, isHidden: true),
        .vector(name.attentionOutputBias, count: hiddenSize),
      ]
      segments += norm(name.attentionNorm)
      segments += [
        .matrix(name.upGate, rows: 2 * intermediateSize, columns: hiddenSize, isHidden: true),
        .matrix(name.down, rows: hiddenSize, columns: intermediateSize, isHidden: true),
      ]
    }
    segments += [
      .matrix(Name.transform, rows: hiddenSize, columns: hiddenSize),
      .vector(Name.transformBias, count: hiddenSize), .vector(Name.outputBias, count: vocabularySize),
    ]
    return segments
  }

  /// Matrices: normal(0, sqrt(2 / 5d)) cut at two deviations, those of the feed-forward network of layer i
  /// (from 0) times sqrt(1 / 2(1 + i)). Norms one, biases zero.
  public func initialWeights(_ segments: [Parameters.Segment], count: Int, seed: UInt64) -> [Float] {
    var flat = [Float](repeating: 0, count: count)
    let deviation = (2 / (5 * Double(hiddenSize))).squareRoot()
    var factors: [String: Double] = [:]
    for layer in 0..<layers {
      let name = LTGBert.Name.layer(layer)
      for matrix in [name.upGate, name.down] {
        factors[matrix] = (1 / (2 * Double(1 + layer))).squareRoot()
      }
    }
    for (index, segment) in segments.enumerated() {
      if segment.shape.count == 2 {
        RandomStream(seed: seed, purpose: .initialization, layer: index).fillTruncatedNormal(
          &flat, segment.range, deviation: deviation * (factors[segment.name] ?? 1))
      } else if segment.name.hasSuffix("norm.weight") {
        for element in segment.range { flat[element] = 1 }
      }
    }
    return flat
  }

  /// The tied output layer, and each layer's table of buckets.
  public func derivation(of tensor: String) -> DerivedTensor? {
    if tensor == LTGBert.Name.output { return .copy(of: LTGBert.Name.embedding) }
    return tensor.hasSuffix(".position_indices") ? .implied : nil
  }

  /// The classes that `auto_map` names.
  public var companions: [(name: String, bytes: [UInt8])] {
    [("modeling_ltgbert.py", PackageResources.modeling_ltgbert_py)]
  }

  public func makeModel(on device: any Device, with more: [Parameters.Segment]) -> any Transformer {
    LTGBert(zeros: self, with: more, on: device)
  }
}
