import AntAutograd
import AntDevice
import AntModels
import AntRandom

/// An architecture that the package does not have, written with what everybody may use:
///
///     x  = E[ids] + P[position in the document]
///     x += attention(norm(x))                              for each layer
///     x += down(gelu(gate h) * up h)                       h = norm(x)
///     logits = norm(x) E^T
public struct ToyArchitecture: Architecture {
  public static let modelType = "toy"
  public static let presetNames = ["toy-small"]

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

  public static func preset(_ name: String, vocabularySize: Int, maximumLength: Int?) -> Self? {
    guard name == "toy-small" else { return nil }
    return Self(
      vocabularySize: vocabularySize, hiddenSize: 12, intermediateSize: 10, layers: 2, heads: 2,
      maximumLength: maximumLength ?? 32)
  }

  public var activationFloats: (kept: Int, working: Int) { (8 * hiddenSize, 8 * hiddenSize) }

  public var segments: [Parameters.Segment] {
    [
      .matrix("embedding", rows: vocabularySize, columns: hiddenSize),
      .matrix("positions", rows: maximumLength, columns: hiddenSize, decays: false),
    ]
      + (0..<layers).flatMap { layer -> [Parameters.Segment] in
        [
          .matrix(
            "\(layer).qkv", rows: 3 * hiddenSize, columns: hiddenSize,
            parts: ["q", "k", "v"].map { .init("\(layer).\($0)", rows: hiddenSize) }),
          .matrix("\(layer).out", rows: hiddenSize, columns: hiddenSize),
          .matrix("\(layer).gate_up", rows: 2 * intermediateSize, columns: hiddenSize),
          .matrix("\(layer).down", rows: hiddenSize, columns: intermediateSize),
        ]
      } + [.vector("norm", count: hiddenSize)]
  }

  public func initialWeights(_ segments: [Parameters.Segment], count: Int, seed: UInt64) -> [Float] {
    var flat = [Float](repeating: 0, count: count)
    for (index, segment) in segments.enumerated() {
      let stream = RandomStream(seed: seed, purpose: .initialization, layer: index)
      if segment.shape.count == 2 {
        stream.fillNormal(&flat, segment.range, deviation: 0.3)
      } else {
        for element in segment.range { flat[element] = 1 }
      }
    }
    return flat
  }

  public func derivation(of tensor: String) -> DerivedTensor? {
    tensor == "output" ? .copy(of: "embedding") : nil
  }

  public func makeModel(on device: any Device, with more: [Parameters.Segment]) -> any Transformer {
    ToyModel(self, with: more, on: device)
  }
}

private final class ToyModel: Transformer {
  let configuration: ModelConfiguration
  let parameters: Parameters
  let device: any Device
  var precision = Precision.float32
  private let sizes: ToyArchitecture

  init(_ sizes: ToyArchitecture, with more: [Parameters.Segment], on device: any Device) {
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
      let queryKeyValue = tape.linear(norm(x, on: tape), parameters["\(layer).qkv"])
      let context = attend(layer, queryKeyValue, nil)
      x = tape.linear(context, parameters["\(layer).out"], residual: x)
      let gateAndUp = tape.linear(norm(x, on: tape), parameters["\(layer).gate_up"])
      let product = tape.gatedActivation(.gelu, gateAndUp: gateAndUp)
      x = tape.linear(product, parameters["\(layer).down"], residual: x)
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

extension Architectures {
  /// With one that the package does not have.
  public static let withToy = standard + [ToyArchitecture.self]
}
