import AntAutograd
import AntBatch
import AntDevice

/// A ``LanguageModel`` of one stack of layers that all attend under one mask. What the architectures share is
/// written here once, over what each of them says below.
public protocol Transformer: LanguageModel {
  var configuration: ModelConfiguration { get }
  var device: any Device { get }
  /// What products are computed in while training; float32 in a new model. Whatever is only asked of the
  /// model (losses, logits, hidden states, generation) is computed in float32.
  var precision: Precision { get set }
  /// What q·k is multiplied by.
  var attentionScale: Float { get }
  /// How distances between positions fall into buckets; nil where attention does not look at them.
  var distances: RelativeDistances? { get }

  /// The residual stream after the last layer, `[ids.count, hiddenSize]`.
  ///
  /// - Parameters:
  ///   - positions: of each row in its document.
  ///   - firstRow: the number of the first row in the effective batch, by which dropout draws are numbered.
  ///   - attend: turns a layer's number, its queries, keys and values side by side, and the projection of its
  ///     relative positions into contexts.
  func stack(
    _ ids: [Int32], positions: [Int32], firstRow: Int, on tape: Tape, dropout: DropoutContext,
    attend: (_ layer: Int, _ queryKeyValue: Tensor, _ positionProjection: Tensor?) -> Tensor
  ) -> Tensor

  /// The residual stream as transformers hands it out as `last_hidden_state`: after a final norm, where the model
  /// has one and it goes row by row.
  func lastHidden(_ x: Tensor, on tape: Tape) -> Tensor

  /// What the output layer reads, at the given rows of the residual stream.
  func head(_ x: Tensor, rows: [Int32], on tape: Tape, dropout: DropoutContext) -> Tensor

  /// The output layer, `[vocabularySize, hiddenSize]`, and its bias.
  var output: (weight: Parameter, bias: Parameter?) { get }
}

extension Transformer {
  public var maximumLength: Int { configuration.architecture.maximumLength }
  public var vocabularySize: Int { configuration.architecture.vocabularySize }

  public func accumulateGradients(_ batch: Batch, dropout: DropoutContext, into loss: LossSum) {
    if batch.labels.isEmpty { return }
    let tape = Tape(on: device, precision: precision)
    let x = hiddenStates(batch, on: tape, dropout: dropout)
    let hidden = head(x, rows: batch.labelRows, on: tape, dropout: dropout)
    tape.crossEntropy(
      hidden, weight: output.weight, bias: output.bias, labels: batch.labels,
      labelWeights: batch.labelWeights,
      groups: batch.groups, into: loss)
    tape.backward()
  }

  public func losses(_ batch: Batch) throws -> [Float] {
    if batch.labels.isEmpty { return [] }
    try validate(batch)
    let tape = Tape(on: device, records: false)
    let hidden = head(hiddenStates(batch, on: tape), rows: batch.labelRows, on: tape, dropout: .none)
    return try device.read(
      tape.losses(hidden, weight: output.weight, bias: output.bias, labels: batch.labels))
  }

  public func logits(_ batch: Batch, rows: [Int32]) throws -> [Float] {
    if rows.isEmpty { return [] }
    try validate(batch)
    let tape = Tape(on: device, records: false)
    let hidden = head(hiddenStates(batch, on: tape), rows: rows, on: tape, dropout: .none)
    return try tape.logits(hidden, weight: output.weight, bias: output.bias)
  }

  /// What transformers calls `last_hidden_state`, at every position: `[sequences * length, hiddenSize]`.
  public func hiddenStates(_ batch: Batch) throws -> [Float] {
    try validate(batch)
    let tape = Tape(on: device, records: false)
    let states = lastHidden(hiddenStates(batch, on: tape), on: tape).value
    return try device.read(states.storage.prefix(states.rows * states.columns))
  }

  /// The residual stream after the last layer, on the device.
  func hiddenStates(_ batch: Batch, on tape: Tape, dropout: DropoutContext = .none) -> Tensor {
    precondition(
      batch.length <= maximumLength && batch.sequences > 0,
      "Transformer: \(batch.sequences) sequences of \(batch.length), at most \(maximumLength)")
    let shape = attentionShape(batch: batch.sequences, queries: batch.length, keys: batch.length)
    let keyRanges = device.makeBuffer(batch.mask.keyRanges())[...]
    let buckets = distances.map {
      device.makeBuffer($0.table(queries: 0..<batch.length, keys: batch.length))[...]
    }
    return stack(
      batch.ids, positions: batch.mask.positions(), firstRow: dropout.firstSample * batch.length, on: tape,
      dropout: dropout
    ) { layer, queryKeyValue, projection in
      tape.attention(
        shape, queryKeyValue: queryKeyValue, keyRanges: keyRanges,
        positions: relativePositions(projection, buckets),
        dropout: dropout.rates.attention == 0
          ? nil
          : AttentionDropout(
            probability: dropout.rates.attention,
            stream: dropout.stream(.attentionDropout, layer: layer), firstSequence: dropout.firstSample))
    }
  }

  func relativePositions(_ projection: Tensor?, _ buckets: BufferSlice?) -> RelativePositions? {
    guard let distances, let projection, let buckets else { return nil }
    return RelativePositions(projection: projection, columns: distances.columns, buckets: buckets)
  }

  func attentionShape(batch: Int, queries: Int, keys: Int) -> AttentionShape {
    let architecture = configuration.architecture
    return AttentionShape(
      batch: batch, heads: architecture.heads, headDimension: architecture.headDimension,
      queryLength: queries, keyLength: keys, scale: attentionScale)
  }
}
