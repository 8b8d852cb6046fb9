import AntCPU
import AntDevice
import Foundation
import Testing

/// Softmax, normalization and cross-entropy: what works a row at a time.
struct RowTests {
  private func matrix(
    _ device: CPUDevice, _ values: [Float], _ rows: Int, _ columns: Int
  ) -> Matrix { Matrix(device.makeBuffer(values)[...], rows: rows, columns: columns) }

  private func empty(_ device: CPUDevice, _ rows: Int, _ columns: Int) -> Matrix {
    matrix(device, [Float](repeating: .nan, count: rows * columns), rows, columns)
  }

  @Test(arguments: [(1, 1), (3, 17), (70, 33), (600, 64)])
  func softmaxAndItsGradient(rows: Int, columns: Int) throws {
    var numbers = Numbers()
    let x = numbers.floats(rows * columns, scale: 30)
    let dy = numbers.floats(rows * columns)
    let results = try onEveryThreadCount { device in
      let y = empty(device, rows, columns)
      let dx = empty(device, rows, columns)
      device.softmax(Softmax(matrix(device, x, rows, columns), scale: 0.5, into: y))
      device.softmax(
        SoftmaxBackward(
          output: y, outputGradient: matrix(device, dy, rows, columns), scale: 0.5, into: dx))
      return [try device.read(y.storage), try device.read(dx.storage)]
    }
    var y: [Double] = []
    var dx: [Double] = []
    for row in 0..<rows {
      let slice = x[row * columns..<(row + 1) * columns].map { exp(0.5 * Double($0)) }
      let total = slice.reduce(0, +)
      let outputs = slice.map { $0 / total }
      let dot = sum(0..<columns) { outputs[$0] * Double(dy[row * columns + $0]) }
      y += outputs
      dx += (0..<columns).map { 0.5 * outputs[$0] * (Double(dy[row * columns + $0]) - dot) }
    }
    expectClose(results[0], y)
    // With a single column the gradient is zero but for rounding.
    if columns > 1 { expectClose(results[1], dx) } else { #expect(abs(results[1][0]) < 1e-6) }
  }

  @Test
  func softmaxOfNothingVisibleIsZero() throws {
    let device = CPUDevice()
    let y = empty(device, 2, 20)
    let x = [Float](repeating: -.infinity, count: 20) + [Float](repeating: 1, count: 20)
    device.softmax(Softmax(matrix(device, x, 2, 20), into: y))
    let values = try device.read(y.storage)
    #expect(values[0..<20].allSatisfy { $0 == 0 })
    #expect(values[20...].allSatisfy { abs($0 - 0.05) < 1e-7 })
  }

  @Test(arguments: [Normalization.Kind.rms, .layer], [(1, 5), (3, 64), (150, 37)])
  func normalizationAndItsGradients(kind: Normalization.Kind, size: (Int, Int)) throws {
    let (rows, columns) = size
    var numbers = Numbers()
    let x = numbers.floats(rows * columns, scale: 3)
    let dy = numbers.floats(rows * columns)
    let weight = numbers.floats(columns)
    let bias = numbers.floats(columns)
    let results = try onEveryThreadCount { device in
      let y = empty(device, rows, columns)
      let dx = matrix(device, x, rows, columns)
      let input = matrix(device, x, rows, columns)
      let (weight, dWeight) = (device.makeBuffer(weight)[...], device.makeBuffer(weight)[...])
      let dBias = device.makeBuffer(bias)[...]
      device.normalization(
        Normalization(
          kind, input, weight: weight, bias: device.makeBuffer(bias)[...], epsilon: 1e-5, into: y))
      device.normalization(
        NormalizationBackward(
          kind, input: input, weight: weight, epsilon: 1e-5,
          outputGradient: matrix(device, dy, rows, columns), inputGradient: dx, accumulate: true,
          weightGradient: dWeight, biasGradient: dBias))
      return try [y.storage, dx.storage, dWeight, dBias].map(device.read)
    }
    var (y, dx) = ([Double](), [Double]())
    var (dWeight, dBias) = (doubles(weight), doubles(bias))
    let n = Double(columns)
    for row in 0..<rows {
      let x = doubles(Array(x[row * columns..<(row + 1) * columns]))
      let dy = doubles(Array(dy[row * columns..<(row + 1) * columns]))
      let mean = kind == .layer ? x.reduce(0, +) / n : 0
      let r = 1 / (x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n + 1e-5).squareRoot()
      let normalized = x.map { ($0 - mean) * r }
      let g = zip(dy, weight).map { $0 * Double($1) }
      let meanG = kind == .layer ? g.reduce(0, +) / n : 0
      let meanProduct = sum(0..<columns) { g[$0] * normalized[$0] } / n
      for c in 0..<columns {
        y.append(normalized[c] * Double(weight[c]) + Double(bias[c]))
        dx.append(x[c] + r * (g[c] - meanG - normalized[c] * meanProduct))
        dWeight[c] += dy[c] * normalized[c]
        dBias[c] += dy[c]
      }
    }
    for (result, expected) in zip(results, [y, dx, dWeight, dBias]) { expectClose(result, expected) }
  }

  @Test(arguments: [(1, 1), (9, 50), (40, 1000)])
  func crossEntropyInPlace(rows: Int, columns: Int) throws {
    var numbers = Numbers()
    let x = numbers.floats(rows * columns, scale: 20)
    let labels = (0..<rows).map { $0 % 4 == 3 ? -100 : Int32($0 * 7 % columns) }
    let results = try onEveryThreadCount { device in
      let logits = matrix(device, x, rows, columns)
      let losses = device.makeBuffer(.float32, count: rows)
      device.crossEntropy(
        CrossEntropy(
          logits, labels: device.makeBuffer(labels)[...], losses: losses[...], gradient: logits, scale: 0.25))
      return [try device.read(losses[...]), try device.read(logits.storage)]
    }
    var (losses, gradient) = ([Double](), [Double]())
    for row in 0..<rows {
      let x = doubles(Array(x[row * columns..<(row + 1) * columns]))
      let total = x.reduce(0) { $0 + exp($1) }
      let label = Int(labels[row])
      losses.append(label < 0 ? 0 : log(total) - x[label])
      gradient += (0..<columns).map {
        label < 0 ? 0 : 0.25 * (exp(x[$0]) / total - ($0 == label ? 1 : 0))
      }
    }
    expectClose(results[0], losses)
    expectClose(results[1], gradient)
  }
}
