import AntAutograd
import AntBatch
import AntCheck
import AntDevice
import AntRandom
import Foundation
import Testing

/// Every differentiable operation against central differences, and the ways gradients meet.
@Suite struct OperationTests {
  private let stream = RandomStream(seed: 7, purpose: .sampling, layer: 3, step: 5)

  @Test func linear() throws {
    let x = Operand(5, 3, seed: 1)
    let w = Operand(4, 3, seed: 2)
    try checkGradients(inputs: [x], parameters: [w]) { $0.linear($1[0], $2[0]) }
    try checkGradients(inputs: [x], parameters: [w, Operand(1, 4, seed: 3)]) {
      $0.linear($1[0], $2[0], bias: $2[1])
    }
  }

  @Test func linearWithResidual() throws {
    try checkGradients(
      inputs: [Operand(5, 3, seed: 1), Operand(5, 4, seed: 2)],
      parameters: [Operand(4, 3, seed: 3), Operand(1, 4, seed: 4)]
    ) { $0.linear($1[0], $2[0], bias: $2[1], residual: $1[1]) }
  }

  /// Two branches of one residual stream, as in a Transformer's layer: the sum's gradient is handed down once
  /// and added to twice.
  @Test func residualStream() throws {
    try checkGradients(
      inputs: [Operand(4, 6, seed: 1)],
      parameters: [Operand(1, 6, seed: 2), Operand(6, 6, seed: 3), Operand(6, 6, seed: 4)]
    ) { tape, inputs, parameters in
      var x = inputs[0]
      for weight in parameters[1...] {
        let normal = tape.normalization(.rms, x, weight: parameters[0], epsilon: 1e-6)
        x = tape.linear(tape.activation(.silu, normal), weight, residual: x)
      }
      return x
    }
  }

  /// A value used thrice: as an input, as a residual, and as an input again.
  @Test func fanOut() throws {
    try checkGradients(
      inputs: [Operand(3, 4, seed: 1)], parameters: [Operand(4, 4, seed: 2), Operand(4, 4, seed: 3)]
    ) { tape, inputs, parameters in
      let first = tape.linear(inputs[0], parameters[0], residual: inputs[0])
      return tape.linear(
        inputs[0], parameters[1], residual: tape.linear(first, parameters[1], residual: first))
    }
  }

  @Test(arguments: [Normalization.Kind.rms, .layer])
  func normalization(kind: Normalization.Kind) throws {
    let x = Operand(5, 7, seed: 1)
    let weight = Operand(1, 7, seed: 2)
    let bias = Operand(1, 7, seed: 3)
    try checkGradients(inputs: [x]) { tape, inputs, _ in
      tape.normalization(kind, inputs[0], epsilon: 1e-2)
    }
    try checkGradients(inputs: [x], parameters: [weight]) {
      $0.normalization(kind, $1[0], weight: $2[0], epsilon: 1e-2)
    }
    try checkGradients(inputs: [x], parameters: [weight, bias]) {
      $0.normalization(kind, $1[0], weight: $2[0], bias: $2[1], epsilon: 1e-2)
    }
  }

  /// Queries and keys head by head, values as they are.
  @Test func headNormalization() throws {
    try checkGradients(
      inputs: [Operand(3, 20, seed: 1)], parameters: [Operand(1, 4, seed: 2), Operand(1, 4, seed: 3)]
    ) { tape, inputs, parameters in
      tape.headNormalization(inputs[0], weights: [parameters[0], parameters[1]], columns: 8, epsilon: 1e-2)
    }
  }

  @Test(arguments: ActivationFunction.allCases)
  func activation(function: ActivationFunction) throws {
    try checkGradients(inputs: [Operand(3, 5, seed: 1)]) { tape, inputs, _ in
      tape.activation(function, inputs[0])
    }
    try checkGradients(inputs: [Operand(3, 10, seed: 1)]) { tape, inputs, _ in
      tape.gatedActivation(function, gateAndUp: inputs[0])
    }
  }

  /// A linear layer after each operation that remakes its output, and a chain of two such operations.
  @Test func remadeOutputs() throws {
    try checkGradients(
      inputs: [Operand(3, 8, seed: 1)], parameters: [Operand(2, 4, seed: 2), Operand(1, 4, seed: 3)]
    ) { tape, inputs, parameters in
      let product = tape.gatedActivation(.silu, gateAndUp: inputs[0])
      let normal = tape.normalization(.layer, product, weight: parameters[1], epsilon: 0.1)
      return tape.linear(tape.activation(.gelu, normal), parameters[0])
    }
  }

  @Test(arguments: [
    AttentionMask(.causal, sequences: 2, length: 5), AttentionMask(.bidirectional, sequences: 2, length: 5),
    AttentionMask(.prefix(2), lengths: [5, 3], length: 5),
    AttentionMask(.causal, documents: [[0..<2, 2..<5], [0..<3]], length: 5),
  ])
  func attention(mask: AttentionMask) throws {
    let shape = AttentionShape(
      batch: 2, heads: 2, headDimension: 4, queryLength: 5, keyLength: 5, scale: 0.5)
    try checkGradients(inputs: [Operand(10, 24, seed: 1)]) { tape, inputs, _ in
      tape.attention(
        shape, queryKeyValue: inputs[0], keyRanges: tape.device.makeBuffer(mask.keyRanges())[...])
    }
  }

  /// Every head's positions lie where their columns say; two layers share them, each through a dropout of its
  /// own.
  @Test(
    arguments: [
      RelativePositions.Columns(query: 0, key: 8, step: 4), .init(query: 0, key: 4, step: 8),
    ], [0, 0.4] as [Float])
  func attentionWithPositions(columns: RelativePositions.Columns, probability: Float) throws {
    let shape = AttentionShape(
      batch: 2, heads: 2, headDimension: 4, queryLength: 5, keyLength: 5, scale: 0.5)
    let mask = AttentionMask(.bidirectional, lengths: [5, 3], length: 5)
    let buckets: [Int32] = [0, 0, 1, 1, 2, 3, 3, 4, 4]
    try checkGradients(
      inputs: [Operand(10, 24, seed: 1)],
      parameters: [
        Operand(5, 6, seed: 2), Operand(1, 6, seed: 3), Operand(16, 6, seed: 4), Operand(1, 16, seed: 5),
        Operand(24, 8, seed: 6),
      ]
    ) { tape, inputs, parameters in
      let relative = tape.normalization(
        .layer, tape.tensor(parameters[0]), weight: parameters[1], epsilon: 1e-2)
      var x = inputs[0]
      for layer in 0..<2 {
        let dropped = tape.dropout(
          relative, probability: 0.3, stream: RandomStream(seed: 4, purpose: .sampling, layer: layer),
          firstElement: 0, keepsInput: true)
        let positions = RelativePositions(
          projection: tape.linear(dropped, parameters[2], bias: parameters[3]), columns: columns,
          buckets: tape.device.makeBuffer(buckets)[...])
        let context = tape.attention(
          shape, queryKeyValue: x, keyRanges: tape.device.makeBuffer(mask.keyRanges())[...],
          positions: positions,
          dropout: AttentionDropout(
            probability: probability, stream: RandomStream(seed: 5, purpose: .sampling, layer: layer))
        )
        x = tape.linear(context, parameters[4])
      }
      return x
    }
  }

  /// Right between two numbers of bfloat16, of which the even one is 1.
  @Test func positionScoresAreRoundedAsTheAttentionIs() throws {
    let device = ReferenceDevice()
    let shape = AttentionShape(
      batch: 1, heads: 2, headDimension: 4, queryLength: 3, keyLength: 3, scale: 1)
    let rows = Matrix(device.makeBuffer([Float](repeating: 1 + 0x1p-8, count: 24))[...], rows: 3, columns: 8)
    let tape = Tape(on: device, records: false)
    let projection = Tensor(
      Matrix(device.makeBuffer([Float](repeating: 0.5, count: 80))[...], rows: 5, columns: 16))
    let positions = RelativePositions(
      projection: projection, columns: .init(query: 0, key: 8, step: 4),
      buckets: device.makeBuffer([0, 1, 2, 3, 4] as [Int32])[...])
    for (precision, score) in [(Precision.float32, Float(2 + 0x1p-7)), (.tf32, 2 + 0x1p-7), (.bfloat16, 2)] {
      let scores = shape.positionScores(query: rows, key: rows, positions, precision, on: tape.device)
      for matrix in [scores.query, scores.key] {
        let seen = try device.read(matrix.columns(0..<5).rows(0..<1).storage[0..<5])
        #expect(seen == [Float](repeating: score, count: 5), "\(precision)")
      }
    }
  }

  /// One value goes two ways and meets itself again.
  @Test func addition() throws {
    try checkGradients(inputs: [Operand(3, 4, seed: 1)], parameters: [Operand(4, 4, seed: 2)]) {
      tape, inputs, parameters in
      let branch = tape.linear(inputs[0], parameters[0])
      return tape.linear(tape.add(branch, inputs[0]), parameters[0])
    }
  }

  @Test func rotary() throws {
    let angles: [Float] = (0..<12).map { 0.3 * Float($0) }
    try checkGradients(inputs: [Operand(3, 2, seed: 1)], parameters: [Operand(12, 2, seed: 2)]) {
      tape, inputs, parameters in
      // Turned in place: so on the output of a linear layer, columns 4 to 11 of 12 as two heads.
      let y = tape.linear(inputs[0], parameters[0])
      let table = angles.chunked(2).flatMap { pair in
        pair.map { cos($0) } + pair.map { sin($0) }
      }
      tape.rotary(
        y, columns: 4..<12, headDimension: 4, positions: tape.device.makeBuffer([5, 0, 2] as [Int32])[...],
        table: Matrix(tape.device.makeBuffer(table)[...], rows: 6, columns: 4))
      return y
    }
  }

  @Test func embedding() throws {
    try checkGradients(parameters: [Operand(6, 4, seed: 1)]) { tape, _, parameters in
      tape.embedding([3, 0, 3, 5, 3], table: parameters[0])
    }
  }

  @Test func gather() throws {
    let x = Operand(6, 4, seed: 1)
    try checkGradients(inputs: [x]) { tape, inputs, _ in tape.gather(inputs[0], rows: [1, 2, 5]) }
    // Where the input has a gradient already, the picked rows are added to it.
    try checkGradients(inputs: [x], parameters: [Operand(4, 4, seed: 2)]) { tape, inputs, parameters in
      let picked = tape.gather(inputs[0], rows: [0, 4])
      return tape.linear(picked, parameters[0], residual: tape.gather(inputs[0], rows: [1, 4]))
    }
  }

  @Test func dropout() throws {
    let x = Operand(5, 3, seed: 1)
    let w = Operand(4, 3, seed: 2)
    try checkGradients(inputs: [x], parameters: [w]) { [stream] tape, inputs, parameters in
      tape.dropout(
        tape.linear(inputs[0], parameters[0]), probability: 0.4, stream: stream, firstElement: 13)
    }
    try checkGradients(inputs: [x, Operand(5, 4, seed: 3)], parameters: [w]) {
      [stream] tape, inputs, parameters in
      tape.dropout(
        tape.linear(inputs[0], parameters[0]), probability: 0.4, stream: stream, firstElement: 13,
        residual: inputs[1])
    }
  }
}

extension Array {
  fileprivate func chunked(_ size: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
  }
}
