import AntAutograd
import AntDevice
import AntModels
import AntRandom

/// A Transformer whose layers share one set of weights (Lan et al., "ALBERT", 2020), each adding half of what it
/// finds:
///
///     x  = E[ids] + P[position in the document]
///     x += attention(norm(x)) / 2             for each layer, with the same weights
///     x += down(gelu(gate h) * up h) / 2      h = norm(x)
///     logits = norm(x) E^T
public struct Shared: Architecture {
  public static let modelType = "shared"

  public var vocabularySize: Int
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layers: Int
  public var heads: Int
  public var maximumLength: Int
  public var beginningID: Int?
  public var endID: Int?
  public var paddingID: Int?
  private var type = Self.modelType

  enum CodingKeys: String, CodingKey {
    case type = "model_type"
    case vocabularySize = "vocab_size"
    case hiddenSize = "hidden_size"
    case intermediateSize = "intermediate_size"
    case layers = "num_hidden_layers"
    case heads = "num_attention_heads"
    case maximumLength = "max_position_embeddings"
    case beginningID = "bos_token_id"
    case endID = "eos_token_id"
    case paddingID = "pad_token_id"
  }

  public init(vocabularySize: Int, hiddenSize: Int, layers: Int, heads: Int, maximumLength: Int) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    intermediateSize = 2 * hiddenSize
    self.layers = layers
    self.heads = heads
    self.maximumLength = maximumLength
  }

  public var activationFloats: (kept: Int, working: Int) { (12 * hiddenSize, 12 * hiddenSize) }

  public var segments: [Parameters.Segment] {
    [
      .matrix("embedding", rows: vocabularySize, columns: hiddenSize),
      .matrix("positions", rows: maximumLength, columns: hiddenSize, decays: false),
      .matrix("query_key_value", rows: 3 * hiddenSize, columns: hiddenSize),
      .matrix("attention_output", rows: hiddenSize, columns: hiddenSize),
      .matrix("gate_up", rows: 2 * intermediateSize, columns: hiddenSize),
      .matrix("down", rows: hiddenSize, columns: intermediateSize),
      .vector("norm", count: hiddenSize),
    ]
  }

  public func initialWeights(_ segments: [Parameters.Segment], count: Int, seed: UInt64) -> [Float] {
    var flat = [Float](repeating: 0, count: count)
    for (index, segment) in segments.enumerated() {
      if segment.shape.count == 1 {
        for element in segment.range { flat[element] = 1 }
      } else {
        RandomStream(seed: seed, purpose: .initialization, layer: index)
          .fillNormal(&flat, segment.range, deviation: 0.05)
      }
    }
    return flat
  }

  public func makeModel(on device: any Device, with more: [Parameters.Segment]) -> any Transformer {
    SharedModel(self, with: more, on: device)
  }
}

private final class SharedModel: Transformer {
  let configuration: ModelConfiguration
  let parameters: Parameters
  let device: any Device
  var precision = Precision.float32
  private let sizes: Shared

  init(_ sizes: Shared, with more: [Parameters.Segment], on device: any Device) {
    self.sizes = sizes
    self.device = device
    configuration = ModelConfiguration(sizes)
    parameters = Parameters(sizes.segments + more, on: device)
  }

  var attentionScale: Float { 1 / Float(sizes.headDimension).squareRoot() }
  var distances: RelativeDistances? { nil }

  func stack(
    _ ids: [Int32], positions: [Int32], firstRow: Int, on tape: Tape, dropout: DropoutContext,
    attend: (_ layer: Int, _ queryKeyValue: Tensor, _ positionProjection: Tensor?) -> Tensor
  ) -> Tensor {
    var x = tape.add(
      tape.embedding(ids, table: parameters["embedding"]),
      tape.embedding(positions, table: parameters["positions"]))
    for layer in 0..<sizes.layers {
      let context = attend(layer, tape.linear(norm(x, on: tape), parameters["query_key_value"]), nil)
      let attended = tape.linear(context, parameters["attention_output"])
      x = tape.add(tape.scaled(attended, by: 0.5), x)
      let gateAndUp = tape.linear(norm(x, on: tape), parameters["gate_up"])
      let product = tape.gatedActivation(.gelu, gateAndUp: gateAndUp)
      x = tape.add(tape.scaled(tape.linear(product, parameters["down"]), by: 0.5), x)
    }
    return x
  }

  func lastHidden(_ x: Tensor, on tape: Tape) -> Tensor { norm(x, weight: parameters["norm"], on: tape) }

  func head(_ x: Tensor, rows: [Int32], on tape: Tape, dropout: DropoutContext) -> Tensor {
    lastHidden(tape.gather(x, rows: rows), on: tape)
  }

  var output: (weight: Parameter, bias: Parameter?) { (parameters["embedding"], nil) }

  private func norm(_ x: Tensor, weight: Parameter? = nil, on tape: Tape) -> Tensor {
    tape.normalization(.rms, x, weight: weight, epsilon: 1e-5)
  }
}
