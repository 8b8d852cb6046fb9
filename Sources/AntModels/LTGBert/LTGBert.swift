import AntAutograd
import AntDevice
import AntRandom

/// LTG-BERT (Samuel et al. 2023), for any attention mask: with a bidirectional one an encoder, with a causal one a
/// generator. `norm` is a layer norm without weights, `norm*` one with them.
///
///     x   = dropout(norm(E[ids]))
///     rel = norm*(relative embedding)                                    a row for each bucket of distances
///     x  += dropout(norm*(out(attention(norm(x), rel))))                 for each layer
///     x  += dropout(down(norm(up h * gelu(gate h))))                     h = norm(x)
///     logits = E dropout(norm(gelu(W norm(x) + b))) + c                  labelled positions only
///
/// A layer projects positions by the weights it projects queries and keys by, so that a score is
/// `q·k + q·kp + k·qp` over `sqrt(3 headDimension)`: content to content, to position, and back. There are no
/// absolute positions. Query, key and value projections are one matrix, rows stacked.
public final class LTGBert: Transformer {
  public var configuration: ModelConfiguration { ModelConfiguration(sizes) }
  public let parameters: Parameters
  public let device: any Device
  public var precision = Precision.float32
  private let sizes: LTGBertConfiguration

  /// A model whose weights are all zero, to be filled.
  init(
    zeros configuration: LTGBertConfiguration, with more: [Parameters.Segment] = [], on device: any Device
  ) {
    if let problem = configuration.problem { preconditionFailure("LTGBert: \(problem)") }
    sizes = configuration
    self.device = device
    parameters = Parameters(configuration.segments + more, on: device)
  }

  /// A new model, drawn as ``LTGBertConfiguration/initialWeights(_:count:seed:)`` says.
  public convenience init(_ configuration: LTGBertConfiguration, seed: UInt64, on device: any Device) {
    self.init(zeros: configuration, on: device)
    parameters.write(
      configuration.initialWeights(parameters.segments, count: parameters.count, seed: seed))
  }

  public var attentionScale: Float { 1 / (3 * Float(sizes.headDimension)).squareRoot() }
  public var distances: RelativeDistances? { sizes.distances }

  public func stack(
    _ ids: [Int32], positions: [Int32], firstRow: Int, on tape: Tape, dropout: DropoutContext,
    attend: (_ layer: Int, _ queryKeyValue: Tensor, _ positionProjection: Tensor?) -> Tensor
  ) -> Tensor {
    let width = sizes.hiddenSize
    func drop(
      _ x: Tensor, _ rate: Float, _ purpose: RandomStream.Purpose, number: Int, residual: Tensor?
    ) -> Tensor {
      guard rate > 0 else { return residual.map { tape.add(x, $0) } ?? x }
      return tape.dropout(
        x, probability: rate, stream: dropout.stream(purpose, layer: number),
        firstElement: UInt64(firstRow * width), residual: residual)
    }
    let rates = dropout.rates

    let embedded = normalize(tape.embedding(ids, table: parameters[Name.embedding]), on: tape)
    var x = drop(embedded, rates.hidden, .embeddingDropout, number: 0, residual: nil)
    let relative = normalize(
      tape.tensor(parameters[Name.relativeEmbedding]), Name.relativeNorm, on: tape)
    for layer in 0..<sizes.layers {
      let name = Name.layer(layer)
      let (weight, bias) = (parameters[name.queryKeyValue], parameters[name.queryKeyValueBias])
      let queryKeyValue = tape.linear(normalize(x, on: tape), weight, bias: bias)
      let droppedPositions =
        rates.attention == 0
        ? relative
        : tape.dropout(
          relative, probability: rates.attention, stream: dropout.stream(.positionDropout, layer: layer),
          firstElement: 0, keepsInput: true)
      let projection = tape.linear(
        droppedPositions, weight.rows(0..<2 * width), bias: bias.elements(0..<2 * width))
      let context = tape.linear(
        attend(layer, queryKeyValue, projection), parameters[name.attentionOutput],
        bias: parameters[name.attentionOutputBias])
      x = drop(
        normalize(context, name.attentionNorm, on: tape), rates.attention, .hiddenDropout,
        number: 2 * layer, residual: x)

      let upAndGate = tape.linear(normalize(x, on: tape), parameters[name.upGate])
      let product = tape.gatedActivation(.geluTanh, gateAndUp: upAndGate, gateFirst: false)
      let branch = normalize(product, on: tape)
      if rates.hidden == 0 {
        x = tape.linear(branch, parameters[name.down], residual: x)
      } else {
        x = drop(
          tape.linear(branch, parameters[name.down]), rates.hidden, .hiddenDropout, number: 2 * layer + 1,
          residual: x)
      }
    }
    return x
  }

  public func lastHidden(_ x: Tensor, on tape: Tape) -> Tensor { x }

  public func head(_ x: Tensor, rows: [Int32], on tape: Tape, dropout: DropoutContext) -> Tensor {
    let transformed = tape.linear(
      normalize(tape.gather(x, rows: rows), on: tape), parameters[Name.transform],
      bias: parameters[Name.transformBias])
    let hidden = normalize(tape.activation(.gelu, transformed), on: tape)
    guard dropout.rates.hidden > 0 else { return hidden }
    return tape.dropout(
      hidden, probability: dropout.rates.hidden, stream: dropout.stream(.headDropout),
      firstElement: UInt64(dropout.firstLabel * sizes.hiddenSize))
  }

  public var output: (weight: Parameter, bias: Parameter?) {
    (parameters[Name.embedding], parameters[Name.outputBias])
  }

  /// A layer norm with the weights called `name`, or without.
  private func normalize(_ x: Tensor, _ name: String? = nil, on tape: Tape) -> Tensor {
    tape.normalization(
      .layer, x, weight: name.map { parameters[$0 + ".weight"] }, bias: name.map { parameters[$0 + ".bias"] },
      epsilon: Float(sizes.normEpsilon))
  }
}
