import AntAutograd
import AntDevice
import AntRandom
import Foundation

/// How a Llama's parameters are called, laid out and initialized. Tensors have their Hugging Face names; the
/// fused matrices, which no checkpoint knows, have names of their own.
extension Llama {
  enum Name {
    static let embedding = "model.embed_tokens.weight"
    static let finalNorm = "model.norm.weight"
    static let output = "lm_head.weight"

    struct Layer {
      let prefix: String
      var attentionNorm: String { prefix + "input_layernorm.weight" }
      var queryKeyValue: String { prefix + "self_attn.qkv_proj.weight" }
      var queryNorm: String { prefix + "self_attn.q_norm.weight" }
      var keyNorm: String { prefix + "self_attn.k_norm.weight" }
      var attentionOutput: String { prefix + "self_attn.o_proj.weight" }
      var feedForwardNorm: String { prefix + "post_attention_layernorm.weight" }
      var gateUp: String { prefix + "mlp.gate_up_proj.weight" }
      var down: String { prefix + "mlp.down_proj.weight" }
    }

    static func layer(_ index: Int) -> Layer { Layer(prefix: "model.layers.\(index).") }
  }

  /// Cosines and sines of `position * theta^(-2c / headDimension)`, `[maximumLength, headDimension]`.
  ///
  /// The angle is rounded to float32 before its sine is taken, as the reference implementation does, so that
  /// its checkpoints give its logits.
  static func rotaryTable(_ configuration: LlamaConfiguration, on device: any Device) -> Matrix {
    let half = configuration.headDimension / 2
    let frequencies = (0..<half).map { column in
      Float(1 / pow(configuration.ropeTheta, Double(2 * column) / Double(2 * half)))
    }
    var table: [Float] = []
    table.reserveCapacity(configuration.maximumLength * 2 * half)
    for position in 0..<configuration.maximumLength {
      let angles = frequencies.map { Double(Float(position) * $0) }
      table += angles.map { Float(cos($0)) }
      table += angles.map { Float(sin($0)) }
    }
    return Matrix(device.makeBuffer(table)[...], rows: configuration.maximumLength, columns: 2 * half)
  }
}

extension LlamaConfiguration {
  public var segments: [Parameters.Segment] {
    typealias Name = Llama.Name
    let (width, inner) = (hiddenSize, intermediateSize)
    var segments = [
      Parameters.Segment.matrix(Name.embedding, rows: vocabularySize, columns: width)
    ]
    for index in 0..<layers {
      let name = Name.layer(index)
      segments += [
        .vector(name.attentionNorm, count: width),
        .matrix(
          name.queryKeyValue, rows: 3 * width, columns: width,
          parts: ["q_proj", "k_proj", "v_proj"].map {
            .init(name.prefix + "self_attn.\($0).weight", rows: width)
          }, isHidden: true),
      ]
      if normalizesHeads {
        segments += [name.queryNorm, name.keyNorm].map { .vector($0, count: headDimension) }
      }
      segments += [
        .matrix(name.attentionOutput, rows: width, columns: width, isHidden: true),
        .vector(name.feedForwardNorm, count: width),
        .matrix(
          name.gateUp, rows: 2 * inner, columns: width,
          parts: ["gate_proj", "up_proj"].map { .init(name.prefix + "mlp.\($0).weight", rows: inner) },
          isHidden: true),
        .matrix(name.down, rows: width, columns: inner, isHidden: true),
      ]
    }
    segments.append(.vector(Name.finalNorm, count: width))
    if !tiesEmbeddings {
      segments.append(.matrix(Name.output, rows: vocabularySize, columns: width))
    }
    return segments
  }

  public func initialWeights(_ segments: [Parameters.Segment], count: Int, seed: UInt64) -> [Float] {
    var flat = [Float](repeating: 0, count: count)
    for (index, segment) in segments.enumerated() {
      if segment.shape.count == 1 {
        for element in segment.range { flat[element] = 1 }
      } else {
        let stream = RandomStream(seed: seed, purpose: .initialization, layer: index)
        stream.fillNormal(&flat, segment.range, deviation: initializerRange)
      }
    }
    if let paddingID, (0..<vocabularySize).contains(paddingID),
      let table = segments.first(where: { $0.name == Llama.Name.embedding })
    {
      for column in 0..<hiddenSize { flat[table.offset + paddingID * hiddenSize + column] = 0 }
    }
    return flat
  }

  /// Some writers repeat a tied output layer; older ones store the rotary frequencies.
  public func derivation(of tensor: String) -> DerivedTensor? {
    if tensor == Llama.Name.output && tiesEmbeddings { return .copy(of: Llama.Name.embedding) }
    return tensor.hasSuffix(".rotary_emb.inv_freq") ? .implied : nil
  }

  public func makeModel(on device: any Device, with more: [Parameters.Segment]) -> any Transformer {
    Llama(zeros: self, with: more, on: device)
  }
}
