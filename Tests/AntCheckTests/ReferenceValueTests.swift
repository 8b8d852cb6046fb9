import AntDevice
import AntRandom
import Foundation
import Testing

@testable import AntCheck

/// The oracle against numbers worked out by hand.
@Suite struct ReferenceValueTests {
  let device = ReferenceDevice()

  private func matrix(_ rows: Int, _ columns: Int, _ values: [Float]) -> Matrix {
    Matrix(device.makeBuffer(values)[...], rows: rows, columns: columns)
  }

  private func blank(_ rows: Int, _ columns: Int) -> Matrix {
    Matrix(device.makeBuffer(.float32, count: rows * columns)[...], rows: rows, columns: columns)
  }

  private func expect(
    _ matrix: Matrix, _ values: [Double], tolerance: Double = 1e-12,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expect(matrix.storage, values, tolerance: tolerance, sourceLocation: sourceLocation)
  }

  private func expect(
    _ slice: BufferSlice, _ values: [Double], tolerance: Double = 1e-12,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let seen = device.readDoubles(slice)
    let isEqual =
      seen.count == values.count
      && zip(seen, values).allSatisfy {
        $0 == $1 || abs($0 - $1) <= tolerance
      }
    #expect(isEqual, "saw \(seen), expected \(values)", sourceLocation: sourceLocation)
  }

  @Test func memoryConvertsOnlyAtItsEdges() throws {
    let slice = device.makeBuffer([0.1] as [Float])[...]
    #expect(device.readDoubles(slice) == [Double(Float(0.1))])
    device.writeDoubles([0.1], to: slice)
    #expect(device.readDoubles(slice) == [0.1])
    #expect(try device.read(slice) == [Float(0.1)])
  }

  @Test func memoryIsCounted() {
    let before = device.memoryUse.bytes
    do {
      let buffer = device.makeBuffer(.int32, count: 100)
      #expect(device.memoryUse.bytes == before + 400)
      withExtendedLifetime(buffer) {}
    }
    #expect(device.memoryUse.bytes == before)
  }

  @Test func matmulInFourTranspositions() {
    let (a, b) = (matrix(2, 3, [1, 2, 3, 4, 5, 6]), matrix(3, 2, [7, 8, 9, 10, 11, 12]))
    let (aT, bT) = (matrix(3, 2, [1, 4, 2, 5, 3, 6]), matrix(2, 3, [7, 9, 11, 8, 10, 12]))
    for (left, isLeft) in [(a, false), (aT, true)] {
      for (right, isRight) in [(b, false), (bT, true)] {
        let c = blank(2, 2)
        device.matmul(Matmul(left, transposed: isLeft, right, transposed: isRight, into: c))
        expect(c, [58, 64, 139, 154])
      }
    }
  }

  @Test func matmulAddsWhatItIsTold() {
    let (a, b) = (matrix(1, 2, [1, 2]), matrix(2, 2, [3, 4, 5, 6]))
    let c = matrix(1, 2, [100, 200])
    device.matmul(
      Matmul(
        a, b, into: c, bias: device.makeBuffer([1, 2] as [Float])[...], residual: matrix(1, 2, [10, 20]),
        accumulate: true))
    expect(c, [124, 238])
  }

  @Test func operandsAreRoundedAsTheirFormatsSay() {
    // One unit of the last bit kept, above 1: 2^-10 and 2^-7. Ties go away from zero, or to the even one.
    for (precision, unit, tie, negativeTie) in [
      (Precision.tf32, 0x1p-10, 1 + 0x1p-10, -1 - 0x1p-10), (.bfloat16, 0x1p-7, 1.0, -1.0),
    ] {
      #expect(precision.rounded(1 + unit / 2) == tie)
      #expect(precision.rounded(-1 - unit / 2) == negativeTie)
      #expect(precision.rounded(1 + 1.5 * unit) == 1 + 2 * unit)
      #expect(precision.rounded(1 + 0.49 * unit) == 1)
      #expect(precision.rounded(2 - unit / 4) == 2)
      #expect(precision.rounded(0x1p-126 * unit * 1.25) == 0x1p-126 * unit)
      #expect(precision.rounded(.infinity) == .infinity && precision.rounded(-0.0).sign == .minus)
      #expect(precision.rounded(Double.nan).isNaN)
    }
    #expect(Precision.float32.rounded(0.1) == 0.1)
    // Nothing but A and B is rounded.
    let one = 1 + Float(0x1p-20)
    let c = matrix(1, 1, [one])
    device.matmul(
      Matmul(
        matrix(1, 1, [one]), matrix(1, 1, [one]), into: c, bias: device.makeBuffer([one] as [Float])[...],
        residual: matrix(1, 1, [one]), accumulate: true, precision: .bfloat16))
    expect(c, [1 + 3 * Double(one)])
  }

  @Test func batchesMoveOn() {
    let (a, b) = (matrix(2, 1, [2, 3]), matrix(2, 1, [5, 7]))
    let c = blank(2, 1)
    device.matmul(
      Matmul(
        a.rows(0..<1).whole(a), b.rows(0..<1).whole(b), into: c.rows(0..<1).whole(c), batch: 2,
        batchStrideA: 1,
        batchStrideB: 1, batchStrideC: 1))
    expect(c, [10, 21])
  }

  @Test func softmaxOfLogarithmsIsProportion() {
    let y = blank(2, 3)
    device.softmax(
      Softmax(matrix(2, 3, [0, 0, -.infinity, -.infinity, -.infinity, -.infinity]), scale: 2, into: y))
    expect(y, [0.5, 0.5, 0, 0, 0, 0])
    let dx = blank(1, 2)
    device.softmax(
      SoftmaxBackward(
        output: matrix(1, 2, [0.25, 0.75]), outputGradient: matrix(1, 2, [4, 0]), scale: 2, into: dx))
    expect(dx, [1.5, -1.5])
  }

  /// Equal scores give the mean of the visible values; nothing visible gives zeros and minus infinity.
  @Test func attentionAveragesWhatIsVisible() {
    let shape = AttentionShape(batch: 1, heads: 1, headDimension: 1, queryLength: 3, keyLength: 3, scale: 1)
    let out = blank(3, 1)
    let logSumExp = device.makeBuffer(.float32, count: 3)[...]
    device.attention(
      Attention(
        shape, query: matrix(3, 1, [0, 0, 2]), key: matrix(3, 1, [1, 1, 1]), value: matrix(3, 1, [1, 2, 6]),
        keyRanges: device.makeBuffer([0, 2, 1, 1, 0, 3] as [Int32])[...], into: out, logSumExp: logSumExp))
    expect(out, [1.5, 0, 3])
    expect(logSumExp, [log(2), -.infinity, 2 + log(3)])
  }

  @Test func norms() {
    let x = matrix(1, 2, [3, 5])
    let y = blank(1, 2)
    device.normalization(Normalization(.rms, x, epsilon: 0, into: y))
    expect(y, [3 / 17.0.squareRoot(), 5 / 17.0.squareRoot()])
    let (weight, bias) = (
      device.makeBuffer([2, 3] as [Float])[...], device.makeBuffer([10, 20] as [Float])[...]
    )
    device.normalization(Normalization(.layer, x, weight: weight, bias: bias, epsilon: 0, into: x))
    expect(x, [8, 23])
  }

  @Test func activations() {
    let x = device.makeBuffer([0, 1, -1] as [Float])[...]
    let y = device.makeBuffer(.float32, count: 3)[...]
    // Values from tables of the normal distribution and of tanh.
    for (function, values) in [
      (ActivationFunction.silu, [0, 0.731058578630005, -0.268941421369995]),
      (.gelu, [0, 0.841344746068543, -0.158655253931457]),
      (.geluTanh, [0, 0.841191990608276, -0.158808009391724]),
    ] {
      device.activation(Activation(function, x, into: y))
      expect(y, values, tolerance: 1e-12)
    }
  }

  @Test func aQuarterTurn() {
    let x = matrix(1, 4, [1, 2, 3, 4])
    let table = matrix(2, 4, [1, 1, 0, 0, 0, 1, 1, 0])
    let positions = device.makeBuffer([1] as [Int32])[...]
    device.rotary(Rotary(x, headDimension: 4, positions: positions, table: table))
    expect(x, [-3, 2, 1, 4])
    device.rotary(Rotary(x, headDimension: 4, positions: positions, table: table, inverse: true))
    expect(x, [1, 2, 3, 4])
  }

  @Test func embeddingsGatherAndGiveBack() {
    let ids: [Int32] = [2, 0, 2]
    let y = blank(3, 1)
    device.embedding(Embedding(matrix(3, 1, [5, 6, 7]), ids: device.makeBuffer(ids)[...], into: y))
    expect(y, [7, 5, 7])
    let table = matrix(3, 1, [100, 200, 300])
    device.embedding(
      EmbeddingBackward(
        outputGradient: matrix(3, 1, [1, 2, 4]), rows: EmbeddingRows(ids, on: device), into: table))
    expect(table, [102, 200, 305])
  }

  @Test func crossEntropyOfEqualLogits() {
    let logits = matrix(2, 2, [1000, 1000, 3, 9])
    let losses = device.makeBuffer(.float32, count: 2)[...]
    device.crossEntropy(
      CrossEntropy(
        logits, labels: device.makeBuffer([1, -1] as [Int32])[...], losses: losses, gradient: logits, scale: 4
      ))
    expect(losses, [log(2), 0])
    expect(logits, [2, -2, 0, 0])
  }

  @Test func dropoutFollowsTheStream() {
    let stream = RandomStream(seed: 9, purpose: .sampling, layer: 1, step: 2)
    let y = device.makeBuffer(.float32, count: 9)[...]
    device.dropout(
      Dropout(
        device.makeBuffer([Float](repeating: 3, count: 9))[...], probability: 0.5, stream: stream,
        firstElement: 6, residual: device.makeBuffer([Float](repeating: 1, count: 9))[...], into: y))
    expect(y, (6..<15).map { stream.uniform($0) >= 0.5 ? 7 : 1 })
  }

  @Test func sums() {
    let x = device.makeBuffer([1, -2, 3] as [Float])[...]
    let total = device.makeBuffer([10] as [Float])[...]
    device.reduction(Reduction(.sum, of: x, into: total, accumulate: true))
    expect(total, [12])
    device.reduction(Reduction(.sumOfSquares, of: x, into: total))
    expect(total, [14])
    let columns = device.makeBuffer([1, 1] as [Float])[...]
    device.reduction(ColumnSum(matrix(2, 2, [1, 2, 3, 4]), into: columns, accumulate: true))
    expect(columns, [5, 7])
    device.elementwise(Scale(x, by: 2, into: x))
    device.elementwise(Add(x, x, into: x))
    expect(x, [4, -8, 12])
  }

  @Test func controlClipsAndRefuses() {
    let control = device.makeBuffer(.float32, count: 4)[...]
    func decide(_ squares: Float, _ loss: Float, _ maximum: Float = 1) {
      device.optimizer(
        GradientControl(
          gradientSquares: device.makeBuffer([squares])[...], loss: device.makeBuffer([loss])[...],
          maximumNorm: maximum, into: control))
    }
    decide(16, 2)
    expect(control, [1 / (4 + 1e-6), 4, 2, 1])
    decide(0.25, 2)
    expect(control, [1, 0.5, 2, 1])
    decide(1e6, 2, .infinity)
    expect(control, [1, 1000, 2, 1])
    decide(.infinity, 2)
    #expect(device.readDoubles(control)[3] == 0)
    decide(4, .nan)
    #expect(device.readDoubles(control)[3] == 0)
  }

  /// The first step of Adam moves every parameter by the learning rate, whatever the gradient's size.
  @Test func theFirstStepOfAdamW() {
    let slices = [[1, 1], [0.5, -8], [0, 0], [0, 0]].map { device.makeBuffer($0.map { Float($0) })[...] }
    func step(finite: Float) {
      device.optimizer(
        AdamW(
          ParameterUpdate(
            parameters: slices[0], gradients: slices[1], firstMoment: slices[2], secondMoment: slices[3],
            control: device.makeBuffer([0.5, 1, 1, finite])[...], decayedCount: 1, learningRate: 0.25,
            moments: Moments(beta1: 0.5, beta2: 0.75, epsilon: 0, step: 1), weightDecay: 0.5)))
    }
    step(finite: 0)
    expect(slices[0], [1, 1])
    expect(slices[3], [0, 0])
    step(finite: 1)
    expect(slices[0], [1 - 0.25 * 1.5, 1.25])
    expect(slices[2], [0.125, -2])
    expect(slices[3], [0.015625, 4])
  }

  /// Two tensors that adapt, one of zero weights, and one that does not; |u| of the first is 5.
  @Test func theFirstStepOfLAMB() {
    let device = device
    let slices = [[6, 8, 0, 0, 7], [0.5, -8, 3, 0.25, -2]].map {
      device.makeBuffer($0.map { Float($0) })[...]
    }
    let moments = (0..<2).map { _ in device.makeBuffer([Float](repeating: 0, count: 5))[...] }
    device.optimizer(
      LAMB(
        ParameterUpdate(
          parameters: slices[0], gradients: slices[1], firstMoment: moments[0], secondMoment: moments[1],
          control: device.makeBuffer([0.5, 1, 1, 1] as [Float])[...], decayedCount: 4, learningRate: 0.25,
          moments: Moments(beta1: 0.5, beta2: 0.75, epsilon: 0, step: 1), weightDecay: 0.5),
        blocks: TensorBlocks([0..<2, 2..<3, 4..<5], on: device)))
    expect(slices[1], [1 + 3, -1 + 4, 1, 0.25, -1])
    expect(slices[0], [6 - 0.25 * 2 * 4, 8 - 0.25 * 2 * 3, -0.25, 0, 7.25])
    expect(moments[0], [0.125, -2, 0.75, 0, -0.5])
  }

  @Test func blendsAndExchanges() {
    let (a, b) = (
      device.makeBuffer([1, 2] as [Float])[...], device.makeBuffer([5, -2] as [Float])[...]
    )
    device.elementwise(Blend(a, weight: 0.25, into: b))
    expect(b, [4, -1])
    device.elementwise(Exchange(a, b))
    expect(a, [4, -1])
    expect(b, [1, 2])
  }
}

extension Matrix {
  /// The shape of this matrix over the whole storage of `other`, as a batch needs it.
  fileprivate func whole(_ other: Matrix) -> Matrix {
    Matrix(other.storage, rows: rows, columns: columns, stride: stride)
  }
}
