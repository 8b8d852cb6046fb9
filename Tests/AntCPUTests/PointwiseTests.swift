import AntCPU
import AntDevice
import AntRandom
import Foundation
import Testing

/// Activations, rotary embedding, dropout and the elementwise operations.
struct PointwiseTests {
  private func value(_ function: ActivationFunction, _ x: Double) -> Double {
    switch function {
    case .silu: x / (1 + exp(-x))
    case .gelu: x / 2 * erfc(-x / 2.0.squareRoot())
    // x/2 (1 + tanh u), written so that it does not cancel where the derivative is taken.
    case .geluTanh: x / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
  }

  @Test(arguments: ActivationFunction.allCases, [1, 16, 50, 40_000])
  func activations(function: ActivationFunction, count: Int) throws {
    var numbers = Numbers()
    let x = numbers.floats(count, scale: 6)
    let dy = numbers.floats(count)
    let results = try onEveryThreadCount { device in
      let input = device.makeBuffer(x)[...]
      let y = device.makeBuffer(.float32, count: count)[...]
      let dx = device.makeBuffer(dy)[...]
      device.activation(Activation(function, input, into: y))
      device.activation(ActivationBackward(function, input: input, outputGradient: dx, into: dx))
      return [try device.read(y), try device.read(dx)]
    }
    expectClose(results[0], x.map { value(function, Double($0)) })
    expectClose(
      results[1], zip(x, dy).map { x, dy in Double(dy) * derivative(Double(x)) { value(function, $0) } })
  }

  /// Far from zero every activation is 0 or x, and nothing overflows.
  @Test(arguments: ActivationFunction.allCases)
  func activationsFarOut(function: ActivationFunction) throws {
    let device = CPUDevice()
    let y = device.makeBuffer(.float32, count: 4)
    device.activation(Activation(function, device.makeBuffer([-200, 200, -1e4, 1e4])[...], into: y[...]))
    let values = try device.read(y[...])
    #expect(abs(values[0]) < 1e-30 && values[1] == 200 && abs(values[2]) < 1e-30 && values[3] == 1e4)
  }

  @Test(arguments: ActivationFunction.allCases)
  func gatedActivations(function: ActivationFunction) throws {
    let (rows, columns) = (5, 37)
    var numbers = Numbers()
    let both = numbers.floats(rows * 2 * columns, scale: 4)
    let dy = numbers.floats(rows * columns)
    let results = try onEveryThreadCount { device in
      let gateAndUp = Matrix(device.makeBuffer(both)[...], rows: rows, columns: 2 * columns)
      let (gate, up) = (gateAndUp.columns(0..<columns), gateAndUp.columns(columns..<2 * columns))
      let y = Matrix(
        device.makeBuffer(.float32, count: rows * columns)[...], rows: rows, columns: columns)
      device.activation(GatedActivation(function, gate: gate, up: up, into: y))
      let output = try device.read(y.storage)
      device.activation(
        GatedActivationBackward(
          function, gate: gate, up: up,
          outputGradient: Matrix(device.makeBuffer(dy)[...], rows: rows, columns: columns),
          gateGradient: gate, upGradient: up))
      return [output, try device.read(gateAndUp.storage)]
    }
    var y: [Double] = []
    var gradient = [Double](repeating: 0, count: both.count)
    for index in 0..<rows * columns {
      let place = index / columns * 2 * columns + index % columns
      let (g, u) = (Double(both[place]), Double(both[place + columns]))
      y.append(value(function, g) * u)
      gradient[place] = Double(dy[index]) * u * derivative(g) { value(function, $0) }
      gradient[place + columns] = Double(dy[index]) * value(function, g)
    }
    expectClose(results[0], y)
    expectClose(results[1], gradient)
  }

  @Test
  func rotaryTurnsAndTurnsBack() throws {
    let (rows, heads, headDimension) = (6, 3, 10)
    var numbers = Numbers()
    let x = numbers.floats(rows * heads * headDimension)
    let positions: [Int32] = [0, 3, 1, 7, 7, 2]
    var angles: [Float] = []
    var table: [Float] = []
    for position in 0..<8 {
      let row = (0..<5).map { Float(position) * pow(100, -Float($0) / 5) }
      angles += row
      table += row.map { cos($0) }
      table += row.map { sin($0) }
    }
    let results = try onEveryThreadCount { device in
      let values = Matrix(device.makeBuffer(x)[...], rows: rows, columns: heads * headDimension)
      let positions = device.makeBuffer(positions)[...]
      let table = Matrix(device.makeBuffer(table)[...], rows: 8, columns: headDimension)
      device.rotary(Rotary(values, headDimension: headDimension, positions: positions, table: table))
      let turned = try device.read(values.storage)
      device.rotary(
        Rotary(values, headDimension: headDimension, positions: positions, table: table, inverse: true))
      return [turned, try device.read(values.storage)]
    }
    var expected: [Double] = []
    for index in x.indices {
      let column = index % headDimension
      let position = Int(positions[index / (heads * headDimension)])
      let angle = Double(angles[position * 5 + column % 5])
      let partner = Double(x[column < 5 ? index + 5 : index - 5])
      expected.append(Double(x[index]) * cos(angle) + (column < 5 ? -partner : partner) * sin(angle))
    }
    expectClose(results[0], expected)
    expectClose(results[1], doubles(x))
  }

  @Test(arguments: [0, 3, 61, (1 << 34) - 7] as [UInt64], [1, 200, 20_000])
  func dropoutDrawsByElement(firstElement: UInt64, count: Int) throws {
    let stream = RandomStream(seed: (1 << 40) + 3, purpose: .sampling, layer: 2, step: 5)
    var numbers = Numbers()
    let x = numbers.floats(count)
    let residual = numbers.floats(count)
    let result = try onEveryThreadCount { device in
      let values = device.makeBuffer(x)[...]
      device.dropout(
        Dropout(
          values, probability: 0.3, stream: stream, firstElement: firstElement,
          residual: device.makeBuffer(residual)[...], into: values))
      return [try device.read(values)]
    }
    for index in [0, count / 3, count - 1] + Array(0..<min(count, 300)) {
      let isKept = stream.uniform(firstElement + UInt64(index)) >= 0.3
      let expected = (isKept ? x[index] / 0.7 : 0) + residual[index]
      #expect(abs(result[0][index] - expected) < 1e-6)
    }
  }

  @Test(arguments: [0, 1, 16, 40_001])
  func elementwise(count: Int) throws {
    var numbers = Numbers()
    let (a, b) = (numbers.floats(count), numbers.floats(count))
    let results = try onEveryThreadCount { device in
      let (x, y) = (device.makeBuffer(a)[...], device.makeBuffer(b)[...])
      let (sum, filled) = (
        device.makeBuffer(.float32, count: count)[...], device.makeBuffer(.float32, count: count)[...]
      )
      device.elementwise(Add(x, y, into: sum))
      device.elementwise(Scale(x, by: -2, into: x))
      device.elementwise(Fill(filled, with: 3))
      device.elementwise(
        Copy(Matrix(x, rows: count, columns: 1), into: Matrix(y, rows: count, columns: 1)))
      return try [sum, x, filled, y].map(device.read)
    }
    #expect(results[0] == zip(a, b).map { $0 + $1 })
    #expect(results[1] == a.map { -2 * $0 })
    #expect(results[2] == [Float](repeating: 3, count: count))
    #expect(results[3] == results[1])
  }
}
