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
    let shape = attentionShape(batch: input.sequences, queries: input.length, keys: input.length)
    let keyRanges = device.makeBuffer(input.mask.keyRanges())[...]
    // Dropout draws are numbered by sample, wherever the sample's batch begins.
    let firstElement = UInt64(dropout.firstSample) * UInt64(input.length * configuration.hiddenSize)
    return stack(
      input.ids, positions: input.mask.positions(), on: tape, dropout: dropout, firstElement: firstElement
    ) { _, queryKeyValue in
      tape.attention(shape, queryKeyValue: queryKeyValue, keyRanges: keyRanges)
    }
  }

  /// The residual stream after the last layer, `[ids.count, hiddenSize]`.
  ///
  /// - Parameters:
  ///   - positions: what rotary embeddings turn each row by.
  ///   - attend: turns a layer's number and its queries, keys and values, side by side, into contexts.
  func stack(
    _ ids: [Int32], positions: [Int32], on tape: Tape, dropout: DropoutContext = .none,
    firstElement: UInt64 = 0, attend: (_ layer: Int, _ queryKeyValue: Tensor) -> Tensor
  ) -> Tensor {
    let width = configuration.hiddenSize
    let positions = device.makeBuffer(positions)[...]
    func drop(_ x: Tensor, _ purpose: RandomStream.Purpose, number: Int, residual: Tensor?) -> Tensor {
      tape.dropout(
        x, probability: dropout.probability,
        stream: RandomStream(seed: dropout.seed, purpose: purpose, layer: number, step: dropout.step),
        firstElement: firstElement, residual: residual)
    }
    /// `x + dropout(branch W^T)`.
    func addBranch(_ branch: Tensor, _ weight: Parameter, to x: Tensor, number: Int) -> Tensor {
      if dropout.probability == 0 { return tape.linear(branch, weight, residual: x) }
      return drop(tape.linear(branch, weight), .hiddenDropout, number: number, residual: x)
    }

    var x = tape.embedding(ids, table: parameters[Name.embedding])
    if dropout.probability > 0 { x = drop(x, .embeddingDropout, number: 0, residual: nil) }
    for layer in 0..<configuration.layers {
      let name = Name.layer(layer)
      let queryKeyValue = tape.linear(
        normalize(x, name.attentionNorm, on: tape), parameters[name.queryKeyValue])
      tape.rotary(
        queryKeyValue, columns: 0..<2 * width, headDimension: configuration.headDimension,
        positions: positions, table: rotaryTable)
      let context = attend(layer, queryKeyValue)
      x = addBranch(context, parameters[name.attentionOutput], to: x, number: 2 * layer)

      let gateAndUp = tape.linear(normalize(x, name.feedForwardNorm, on: tape), parameters[name.gateUp])
      let product = tape.gatedActivation(.silu, gateAndUp: gateAndUp)
      x = addBranch(product, parameters[name.down], to: x, number: 2 * layer + 1)
    }
    return x
  }

  func attentionShape(batch: Int, queries: Int, keys: Int) -> AttentionShape {
    AttentionShape(
      batch: batch, heads: configuration.heads, headDimension: configuration.headDimension,
      queryLength: queries, keyLength: keys, scale: 1 / Float(configuration.headDimension).squareRoot())
  }

  /// The final norm of the given rows: what the output layer reads.
  func head(_ x: Tensor, rows: [Int32], on tape: Tape) -> Tensor {
    normalize(tape.gather(x, rows: rows), Name.finalNorm, on: tape)
  }

  private func normalize(_ x: Tensor, _ name: String, on tape: Tape) -> Tensor {
    tape.normalization(.rms, x, weight: parameters[name], epsilon: Float(configuration.normEpsilon))
  }

  var outputWeight: Parameter {
    parameters[configuration.tiesEmbeddings ? Name.embedding : Name.output]
  }
}
