import Autograd
import Device
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
      var attentionOutput: String { prefix + "self_attn.o_proj.weight" }
      var feedForwardNorm: String { prefix + "post_attention_layernorm.weight" }
      var gateUp: String { prefix + "mlp.gate_up_proj.weight" }
      var down: String { prefix + "mlp.down_proj.weight" }
    }

    static func layer(_ index: Int) -> Layer { Layer(prefix: "model.layers.\(index).") }
  }

  static func segments(_ configuration: LlamaConfiguration) -> [Parameters.Segment] {
    let width = configuration.hiddenSize
    let inner = configuration.intermediateSize
    var segments = [
      Parameters.Segment.matrix(Name.embedding, rows: configuration.vocabularySize, columns: width)
    ]
    for index in 0..<configuration.layers {
      let name = Name.layer(index)
      segments += [
        .vector(name.attentionNorm, count: width),
        .matrix(
          name.queryKeyValue, rows: 3 * width, columns: width,
          parts: ["q_proj", "k_proj", "v_proj"].map {
            .init(name.prefix + "self_attn.\($0).weight", rows: width)
          }),
        .matrix(name.attentionOutput, rows: width, columns: width),
        .vector(name.feedForwardNorm, count: width),
        .matrix(
          name.gateUp, rows: 2 * inner, columns: width,
          parts: ["gate_proj", "up_proj"].map { .init(name.prefix + "mlp.\($0).weight", rows: inner) }),
        .matrix(name.down, rows: width, columns: inner),
      ]
    }
    segments.append(.vector(Name.finalNorm, count: width))
    if !configuration.tiesEmbeddings {
      segments.append(.matrix(Name.output, rows: configuration.vocabularySize, columns: width))
    }
    return segments
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
  /// How many numbers the model has.
  public var parameterCount: Int { Llama.segments(self).reduce(0) { $0 + $1.count } }
}

extension RandomStream {
  /// Fills `values[range]` with draws from normal(0, deviation), by the method of Box and Muller (1958): the
  /// four words of Philox block n give elements 4n to 4n + 3 of the range, pair by pair
  ///
  ///     r = sqrt(-2 ln u1), r cos(2 pi u2), r sin(2 pi u2),   u1 in (0, 1], u2 in [0, 1)
  func fillNormal(_ values: inout [Float], _ range: Range<Int>, deviation: Double) {
    values.withUnsafeMutableBufferPointer { values in
      for start in stride(from: 0, to: range.count, by: 4) {
        let words = block(UInt64(start / 4))
        for pair in [0, 2] {
          let u1 = Double(words[pair] >> 8 &+ 1) * 0x1p-24
          let u2 = Double(words[pair + 1] >> 8) * 0x1p-24
          let radius = deviation * (-2 * log(u1)).squareRoot()
          let element = range.lowerBound + start + pair
          if start + pair < range.count { values[element] = Float(radius * cos(2 * .pi * u2)) }
          if start + pair + 1 < range.count { values[element + 1] = Float(radius * sin(2 * .pi * u2)) }
        }
      }
    }
  }
}
