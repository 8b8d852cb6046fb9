import AntCPU
import AntDevice
import Foundation
import Testing

/// Reductions, the embedding and the optimizer: sums over many rows, and what is done with them.
struct SumTests {
  @Test(arguments: [Reduction.Kind.sum, .sumOfSquares], [0, 1, 100, 50_000])
  func reductions(kind: Reduction.Kind, count: Int) throws {
    var numbers = Numbers()
    let x = numbers.floats(count)
    let results = try onEveryThreadCount { device in
      let output = device.makeBuffer([Float(1), 5])
      let input = device.makeBuffer(x)[...]
      device.reduction(Reduction(kind, of: input, into: output[0..<1]))
      device.reduction(Reduction(kind, of: input, into: output[1..<2], accumulate: true))
      return [try device.read(output[...])]
    }
    let expected = x.reduce(0.0) { $0 + (kind == .sum ? Double($1) : Double($1) * Double($1)) }
    let magnitude = x.reduce(0.0) { $0 + Double(abs($1)) }
    #expect(abs(Double(results[0][0]) - expected) <= 1e-6 * magnitude)
    #expect(abs(Double(results[0][1]) - expected - 5) <= 1e-6 * (magnitude + 5))
  }

  @Test(arguments: [(0, 3), (1, 1), (5, 16), (200, 33)])
  func columnSums(rows: Int, columns: Int) throws {
    var numbers = Numbers()
    let x = numbers.floats(rows * columns)
    let start = numbers.floats(columns)
    let results = try onEveryThreadCount { device in
      let output = device.makeBuffer(start)[...]
      let input = Matrix(device.makeBuffer(x)[...], rows: rows, columns: columns)
      device.reduction(ColumnSum(input, into: output, accumulate: true))
      return [try device.read(output)]
    }
    expectClose(
      results[0], (0..<columns).map { c in Double(start[c]) + sum(0..<rows) { Double(x[$0 * columns + c]) } })
  }

  @Test(arguments: [(1, 1), (7, 20), (300, 33)])
  func embeddingAndItsGradient(rows: Int, columns: Int) throws {
    let vocabulary = 11
    var numbers = Numbers()
    let table = numbers.floats(vocabulary * columns)
    let dy = numbers.floats(rows * columns)
    // Id 2 is frequent, as a common word is.
    let ids = (0..<rows).map { $0 % 3 == 0 ? Int32($0 % vocabulary) : 2 }
    let results = try onEveryThreadCount { device in
      let weights = Matrix(device.makeBuffer(table)[...], rows: vocabulary, columns: columns)
      let y = Matrix(
        device.makeBuffer(.float32, count: rows * columns)[...], rows: rows, columns: columns)
      device.embedding(Embedding(weights, ids: device.makeBuffer(ids)[...], into: y))
      let output = try device.read(y.storage)
      device.embedding(
        EmbeddingBackward(
          outputGradient: Matrix(device.makeBuffer(dy)[...], rows: rows, columns: columns),
          rows: EmbeddingRows(ids, on: device), into: weights))
      return [output, try device.read(weights.storage)]
    }
    #expect(results[0] == (0..<rows * columns).map { table[Int(ids[$0 / columns]) * columns + $0 % columns] })
    var gradient = doubles(table)
    for index in dy.indices {
      gradient[Int(ids[index / columns]) * columns + index % columns] += Double(dy[index])
    }
    expectClose(results[1], gradient)
  }

  @Test
  func adamWFollowsItsFormulas() throws {
    let count = 20_000
    let decayed = 16_500
    var numbers = Numbers()
    let start = numbers.floats(count)
    let gradients = (0..<3).map { _ in numbers.floats(count, scale: 0.01) }
    let results = try onEveryThreadCount { device in
      let parameters = device.makeBuffer(start)[...]
      let zero = [Float](repeating: 0, count: count)
      let (m, v) = (device.makeBuffer(zero)[...], device.makeBuffer(zero)[...])
      let control = device.makeBuffer(.float32, count: GradientControl.size)[...]
      let squares = device.makeBuffer(.float32, count: 1)[...]
      let loss = device.makeBuffer([Float(2)])[...]
      for step in 1...3 {
        let gradient = device.makeBuffer(gradients[step - 1])[...]
        device.reduction(Reduction(.sumOfSquares, of: gradient, into: squares))
        device.optimizer(
          GradientControl(gradientSquares: squares, loss: loss, maximumNorm: 0.5, into: control))
        device.optimizer(
          AdamW(
            ParameterUpdate(
              parameters: parameters, gradients: gradient, firstMoment: m, secondMoment: v, control: control,
              decayedCount: decayed, learningRate: 0.01,
              moments: Moments(beta1: 0.9, beta2: 0.99, epsilon: 1e-8, step: step), weightDecay: 0.1)))
      }
      return try [parameters, m, v, control].map(device.read)
    }
    var p = doubles(start)
    var m = [Double](repeating: 0, count: count)
    var v = m
    var norm = 0.0
    for step in 1...3 {
      let g = doubles(gradients[step - 1])
      norm = g.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let factor = min(1, 0.5 / (norm + 1e-6))
      for i in 0..<count {
        m[i] = 0.9 * m[i] + 0.1 * factor * g[i]
        v[i] = 0.99 * v[i] + 0.01 * factor * factor * g[i] * g[i]
        let direction =
          m[i] / (1 - pow(0.9, Double(step)))
          / ((v[i] / (1 - pow(0.99, Double(step)))).squareRoot() + 1e-8)
        p[i] -= 0.01 * (direction + (i < decayed ? 0.1 * p[i] : 0))
      }
    }
    for (result, expected) in zip(results, [p, m, v, [min(1, 0.5 / norm), norm, 2, 1]]) {
      expectClose(result, expected)
    }
  }

  @Test(arguments: [(Float.nan, Float(1)), (1, .nan), (.infinity, 1), (1, .infinity)])
  func notFiniteChangesNothing(loss: Float, squares: Float) throws {
    let device = CPUDevice()
    let values = Numbers().stream
    let start = (0..<40).map { values.uniform($0) }
    let buffers = (0..<4).map { _ in device.makeBuffer(start)[...] }
    let control = device.makeBuffer(.float32, count: GradientControl.size)[...]
    device.optimizer(
      GradientControl(
        gradientSquares: device.makeBuffer([squares])[...], loss: device.makeBuffer([loss])[...],
        maximumNorm: 1, into: control))
    device.optimizer(
      AdamW(
        ParameterUpdate(
          parameters: buffers[0], gradients: buffers[1], firstMoment: buffers[2], secondMoment: buffers[3],
          control: control, decayedCount: 40, learningRate: 1,
          moments: Moments(beta1: 0.9, beta2: 0.9, epsilon: 1e-8, step: 1), weightDecay: 1)))
    for buffer in buffers { #expect(try device.read(buffer) == start) }
    #expect(try device.read(control)[3] == 0)
  }
}
