import AntAutograd
import AntDevice
import AntRandom

/// Llama (Touvron et al. 2023), for any attention mask: with a causal mask a generator, with a bidirectional
/// one an encoder.
///
///     x  = E[ids]
///     x += attention(norm(x))              for each layer; rotary positions, scale 1 / sqrt(headDimension)
///     x += down(silu(gate h) * up h)       h = norm(x)
///     logits = norm(x) W^T                 W = E where tied; labelled positions only
///
/// With ``Qwen3Configuration``, queries and keys are normalized head by head before they are turned.
///
/// Query, key and value projections are one matrix, rows stacked, and so are gate and up: one matmul each.
/// Rotary positions count from the beginning of each document. Dropout, where asked for, comes after the
/// embedding and on the output of both branches; Hugging Face's Llama has none.
public final class Llama: Transformer {
  public var configuration: ModelConfiguration {
    sizes.normalizesHeads ? ModelConfiguration(Qwen3Configuration(sizes)) : ModelConfiguration(sizes)
  }
  public let parameters: Parameters
  public let device: any Device
  public var precision = Precision.float32
  private let sizes: LlamaConfiguration
  private let rotaryTable: Matrix

  /// A model whose weights are all zero, to be filled.
  init(
    zeros configuration: LlamaConfiguration, with more: [Parameters.Segment] = [], on device: any Device
  ) {
    if let problem = configuration.problem { preconditionFailure("Llama: \(problem)") }
    sizes = configuration
    self.device = device
    parameters = Parameters(configuration.segments + more, on: device)
    rotaryTable = Self.rotaryTable(configuration, on: device)
  }

  /// A new model: matrices normal(0, initializerRange), the padding token's row zero, norms one.
  public convenience init(_ configuration: LlamaConfiguration, seed: UInt64, on device: any Device) {
    self.init(zeros: configuration, on: device)
    parameters.write(
      configuration.initialWeights(parameters.segments, count: parameters.count, seed: seed))
  }

  public var attentionScale: Float { 1 / Float(sizes.headDimension).squareRoot() }
  public var distances: RelativeDistances? { nil }

  public func stack(
    _ ids: [Int32], positions: [Int32], firstRow: Int, on tape: Tape, dropout: DropoutContext,
    attend: (_ layer: Int, _ queryKeyValue: Tensor, _ positionProjection: Tensor?) -> Tensor
  ) -> Tensor {
    let width = sizes.hiddenSize
    let positions = device.makeBuffer(positions)[...]
    let rate = dropout.rates.hidden
    func drop(_ x: Tensor, _ purpose: RandomStream.Purpose, number: Int, residual: Tensor?) -> Tensor {
      tape.dropout(
        x, probability: rate, stream: dropout.stream(purpose, layer: number),
        firstElement: UInt64(firstRow * width), residual: residual)
    }
    /// `x + dropout(branch W^T)`.
    func addBranch(_ branch: Tensor, _ weight: Parameter, to x: Tensor, number: Int) -> Tensor {
      if rate == 0 { return tape.linear(branch, weight, residual: x) }
      return drop(tape.linear(branch, weight), .hiddenDropout, number: number, residual: x)
    }

    var x = tape.embedding(ids, table: parameters[Name.embedding])
    if rate > 0 { x = drop(x, .embeddingDropout, number: 0, residual: nil) }
    for layer in 0..<sizes.layers {
      let name = Name.layer(layer)
      var queryKeyValue = tape.linear(
        normalize(x, name.attentionNorm, on: tape), parameters[name.queryKeyValue])
      if sizes.normalizesHeads {
        queryKeyValue = tape.headNormalization(
          queryKeyValue, weights: [parameters[name.queryNorm], parameters[name.keyNorm]], columns: width,
          epsilon: Float(sizes.normEpsilon))
      }
      tape.rotary(
        queryKeyValue, columns: 0..<2 * width, headDimension: sizes.headDimension, positions: positions,
        table: rotaryTable)
      let context = attend(layer, queryKeyValue, nil)
      x = addBranch(context, parameters[name.attentionOutput], to: x, number: 2 * layer)

      let gateAndUp = tape.linear(normalize(x, name.feedForwardNorm, on: tape), parameters[name.gateUp])
      let product = tape.gatedActivation(.silu, gateAndUp: gateAndUp)
      x = addBranch(product, parameters[name.down], to: x, number: 2 * layer + 1)
    }
    return x
  }

  public func lastHidden(_ x: Tensor, on tape: Tape) -> Tensor { normalize(x, Name.finalNorm, on: tape) }

  public func head(_ x: Tensor, rows: [Int32], on tape: Tape, dropout: DropoutContext) -> Tensor {
    normalize(tape.gather(x, rows: rows), Name.finalNorm, on: tape)
  }

  public var output: (weight: Parameter, bias: Parameter?) {
    (parameters[sizes.tiesEmbeddings ? Name.embedding : Name.output], nil)
  }

  private func normalize(_ x: Tensor, _ name: String, on tape: Tape) -> Tensor {
    tape.normalization(.rms, x, weight: parameters[name], epsilon: Float(sizes.normEpsilon))
  }
}
