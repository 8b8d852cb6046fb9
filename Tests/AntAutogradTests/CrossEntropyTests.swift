import AntAutograd
import AntCheck
import AntDevice
import Foundation
import Testing

@Suite struct CrossEntropyTests {
  /// Loss, gradients and logits against the plain formula in Double, over several chunks; with weights, a group for the
  /// first label, one without any and one for the rest, and z-loss.
  @Test(arguments: [1, 3, 7], [false, true]) func head(rows: Int, isWeighted: Bool) throws {
    let device = ReferenceDevice()
    let (vocabulary, width) = (5, 4)
    let x = Operand(rows, width, seed: 1)
    let w = Operand(vocabulary, width, seed: 2)
    let bias = Operand(1, vocabulary, seed: 3)
    let labels = (0..<rows).map { Int32($0 * 3 % vocabulary) }
    let scale: Float = 0.25
    let weights = isWeighted ? (0..<rows).map { 0.5 + Float($0) } : []
    let zLoss: Float = isWeighted ? 0.1 : 0

    var losses: [Double] = []
    var logits: [Double] = []
    var xGradient = [Double](repeating: 0, count: rows * width)
    var wGradient = [Double](repeating: 0, count: vocabulary * width)
    var biasGradient = [Double](repeating: 0, count: vocabulary)
    for r in 0..<rows {
      let row = (0..<vocabulary).map { c in
        Double(bias.values[c])
          + (0..<width).reduce(0.0) {
            $0 + Double(x.values[r * width + $1]) * Double(w.values[c * width + $1])
          }
      }
      let total = row.reduce(0) { $0 + exp($1) }
      logits += row
      losses.append(log(total) - row[Int(labels[r])])
      let weighted = Double(scale) * (isWeighted ? Double(weights[r]) : 1)
      for c in 0..<vocabulary {
        // d/dx of (log total - x[label]) + zLoss (log total)^2
        let g =
          weighted
          * (exp(row[c]) / total * (1 + 2 * Double(zLoss) * log(total)) - (c == labels[r] ? 1 : 0))
        biasGradient[c] += g
        for k in 0..<width {
          xGradient[r * width + k] += g * Double(w.values[c * width + k])
          wGradient[c * width + k] += g * Double(x.values[r * width + k])
        }
      }
    }

    func zeros(_ count: Int) -> Matrix {
      Matrix(
        device.makeBuffer([Float](repeating: 0, count: count))[...], rows: count / min(count, width),
        columns: min(count, width))
    }
    let weight = Parameter(
      value: Matrix(device.makeBuffer(w.values)[...], rows: vocabulary, columns: width),
      gradient: zeros(vocabulary * width))
    let biasParameter = Parameter(
      value: Matrix(device.makeBuffer(bias.values)[...], rows: 1, columns: vocabulary),
      gradient: Matrix(
        device.makeBuffer([Float](repeating: 0, count: vocabulary))[...], rows: 1, columns: vocabulary))
    let hidden = Tensor(Matrix(device.makeBuffer(x.values)[...], rows: rows, columns: width))
    let loss = device.makeBuffer((isWeighted ? [2, 0, 5, 1] : [2]) as [Float])[...]
    let tape = Tape(on: device, logitsPerChunk: 2 * vocabulary)
    tape.crossEntropy(
      hidden, weight: weight, bias: biasParameter, labels: labels, labelWeights: weights,
      groups: [0..<1, 1..<1, 1..<rows], into: LossSum(loss, scale: scale, zLoss: zLoss))
    tape.backward()

    func expectClose(_ found: [Float], _ expected: [Double]) {
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 }, "\(found) \(expected)")
    }
    let weighted = losses.indices.map { Double(scale) * losses[$0] * (isWeighted ? Double(weights[$0]) : 1) }
    let (first, rest) = (weighted[0], weighted.dropFirst().reduce(0, +))
    expectClose(
      try device.read(loss), isWeighted ? [2 + first + rest, first, 5, 1 + rest] : [2 + first + rest])
    expectClose(try device.read(#require(hidden.gradient.value).storage), xGradient)
    expectClose(try device.read(#require(weight.gradient).storage), wGradient)
    expectClose(try device.read(#require(biasParameter.gradient).storage), biasGradient)
    expectClose(
      try device.read(tape.losses(hidden, weight: weight, bias: biasParameter, labels: labels)), losses)
    expectClose(try tape.logits(hidden, weight: weight, bias: biasParameter), logits)
  }

  @Test func withoutLabelsDoesNothing() throws {
    let device = ReferenceDevice()
    let weight = Parameter(
      value: Matrix(device.makeBuffer([1, 2, 3, 4] as [Float])[...], rows: 2, columns: 2),
      gradient: Matrix(device.makeBuffer([0, 0, 0, 0] as [Float])[...], rows: 2, columns: 2))
    let loss = device.makeBuffer([0] as [Float])[...]
    let tape = Tape(on: device)
    let hidden = Tensor(device.makeMatrix(rows: 0, columns: 2))
    tape.crossEntropy(hidden, weight: weight, labels: [], into: LossSum(loss, scale: .infinity))
    tape.backward()
    #expect(try device.read(loss) == [0])
    #expect(try device.read(#require(weight.gradient).storage) == [0, 0, 0, 0])
    #expect(hidden.gradient.value == nil)
    #expect(try device.read(tape.losses(hidden, weight: weight, labels: [])) == [])
    #expect(try tape.logits(hidden, weight: weight) == [])
  }
}
