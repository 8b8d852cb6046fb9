import Autograd
import Device

/// Llama (Touvron et al. 2023), for any attention mask: with a causal mask a generator, with a bidirectional
/// one an encoder.
///
///     x  = E[ids]
///     x += attention(norm(x))              for each layer; rotary positions, scale 1 / sqrt(headDimension)
///     x += down(silu(gate h) * up h)       h = norm(x)
///     logits = norm(x) W^T                 W = E where tied; labelled positions only
///
/// Query, key and value projections are one matrix, rows stacked, and so are gate and up: one matmul each.
/// Rotary positions count from the beginning of each document. Dropout, where asked for, comes after the
/// embedding and on the output of both branches; Hugging Face's Llama has none.
public final class Llama: LanguageModel {
  public let configuration: LlamaConfiguration
  public let parameters: Parameters
  let device: any Device
  private let rotaryTable: Matrix

  /// A model whose weights are all zero, to be read from a checkpoint.
  init(zeros configuration: LlamaConfiguration, on device: any Device) {
    if let problem = configuration.problem { preconditionFailure("Llama: \(problem)") }
    self.configuration = configuration
    self.device = device
    parameters = Parameters(Self.segments(configuration), on: device)
    rotaryTable = Self.rotaryTable(configuration, on: device)
  }

  /// A new model: matrices normal(0, initializerRange), the padding token's row zero, norms one.
  public convenience init(_ configuration: LlamaConfiguration, seed: UInt64, on device: any Device) {
    self.init(zeros: configuration, on: device)
    var flat = [Float](repeating: 0, count: parameters.count)
    for (index, segment) in parameters.segments.enumerated() {
      if segment.shape.count == 1 {
        for element in segment.range { flat[element] = 1 }
      } else {
        let stream = RandomStream(seed: seed, purpose: .initialization, layer: index)
        stream.fillNormal(&flat, segment.range, deviation: configuration.initializerRange)
      }
    }
    if let padding = configuration.paddingID, padding >= 0, padding < configuration.vocabularySize,
      let table = parameters.segments.first(where: { $0.name == Name.embedding })
    {
      let width = configuration.hiddenSize
      for column in 0..<width { flat[table.offset + padding * width + column] = 0 }
    }
    parameters.write(flat)
  }

  public var maximumLength: Int { configuration.maximumLength }
  public var vocabularySize: Int { configuration.vocabularySize }

  // MARK: What the model computes

  public func accumulateGradients(
    _ input: ModelInput, labels: Labels, scale: Float, dropout: DropoutContext, loss: BufferSlice
  ) {
    if labels.rows.isEmpty { return }
    let tape = Tape(on: device)
    let hidden = head(stack(input, on: tape, dropout: dropout), rows: labels.rows, on: tape)
    tape.crossEntropy(hidden, weight: outputWeight, labels: labels.ids, scale: scale, loss: loss)
    tape.backward()
  }

  public func losses(_ input: ModelInput, labels: Labels) throws -> [Float] {
    if labels.rows.isEmpty { return [] }
    try validate(input)
    let tape = Tape(on: device, records: false)
    let hidden = head(stack(input, on: tape, dropout: .none), rows: labels.rows, on: tape)
    return try device.read(tape.losses(hidden, weight: outputWeight, labels: labels.ids))
  }

  public func logits(_ input: ModelInput, rows: [Int32]) throws -> [Float] {
    if rows.isEmpty { return [] }
    try validate(input)
    let tape = Tape(on: device, records: false)
    let hidden = head(stack(input, on: tape, dropout: .none), rows: rows, on: tape)
    return try tape.logits(hidden, weight: outputWeight)
  }

  /// The residual stream after the last layer, `[sequences * length, hiddenSize]`.
  private func stack(_ input: ModelInput, on tape: Tape, dropout: DropoutContext) -> Tensor {
    precondition(
      input.length <= maximumLength && input.sequences > 0,
      "Llama: \(input.sequences) sequences of \(input.length), at most \(maximumLength)")
    let width = configuration.hiddenSize
    let shape = AttentionShape(
      batch: input.sequences, heads: configuration.heads, headDimension: configuration.headDimension,
      queryLength: input.length, keyLength: input.length,
      scale: 1 / Float(configuration.headDimension).squareRoot())
    let keyRanges = device.makeBuffer(input.mask.keyRanges())[...]
    let positions = device.makeBuffer(input.mask.positions())[...]
    // Dropout draws are numbered by sample, wherever the sample's batch begins.
    let firstElement = UInt64(dropout.firstSample) * UInt64(input.length * width)
    func stream(_ purpose: RandomStream.Purpose, _ layer: Int) -> RandomStream {
      RandomStream(seed: dropout.seed, purpose: purpose, layer: layer, step: dropout.step)
    }
    /// `x + dropout(branch W^T)`.
    func addBranch(_ branch: Tensor, _ weight: Parameter, to x: Tensor, number: Int) -> Tensor {
      if dropout.probability == 0 { return tape.linear(branch, weight, residual: x) }
      return tape.dropout(
        tape.linear(branch, weight), probability: dropout.probability,
        stream: stream(.hiddenDropout, number), firstElement: firstElement, residual: x)
    }

    var x = tape.embedding(input.ids, table: parameters[Name.embedding])
    if dropout.probability > 0 {
      x = tape.dropout(
        x, probability: dropout.probability, stream: stream(.embeddingDropout, 0),
        firstElement: firstElement)
    }
    for layer in 0..<configuration.layers {
      let name = Name.layer(layer)
      let projected = tape.linear(normalize(x, name.attentionNorm, on: tape), parameters[name.queryKeyValue])
      tape.rotary(
        projected, columns: 0..<2 * width, headDimension: configuration.headDimension,
        positions: positions, table: rotaryTable)
      let context = tape.attention(shape, queryKeyValue: projected, keyRanges: keyRanges)
      x = addBranch(context, parameters[name.attentionOutput], to: x, number: 2 * layer)

      let gateAndUp = tape.linear(normalize(x, name.feedForwardNorm, on: tape), parameters[name.gateUp])
      let product = tape.gatedActivation(.silu, gateAndUp: gateAndUp)
      x = addBranch(product, parameters[name.down], to: x, number: 2 * layer + 1)
    }
    return x
  }

  /// The final norm of the given rows: what the output layer reads.
  private func head(_ x: Tensor, rows: [Int32], on tape: Tape) -> Tensor {
    normalize(tape.gather(x, rows: rows), Name.finalNorm, on: tape)
  }

  private func normalize(_ x: Tensor, _ name: String, on tape: Tape) -> Tensor {
    tape.normalization(.rms, x, weight: parameters[name], epsilon: Float(configuration.normEpsilon))
  }

  private var outputWeight: Parameter {
    parameters[configuration.tiesEmbeddings ? Name.embedding : Name.output]
  }
}
