import AntBatch
import AntCPU
import AntDevice
import Foundation
import Testing

struct AttentionTests {
  /// Two documents and padding in one sequence, a second sequence that is shorter.
  private static func ranges(_ pattern: AttentionMask.Pattern, _ length: Int) -> [Int32] {
    let third = length / 3
    return AttentionMask(
      pattern, documents: [[0..<third, third..<length - 1], [0..<third + 1]], length: length
    )
    .keyRanges()
  }

  @Test(arguments: [
    (AttentionMask.Pattern.causal, 8, 7), (.bidirectional, 5, 19), (.prefix(3), 64, 12), (.causal, 16, 70),
    (.bidirectional, 34, 37),
  ])
  func forwardAndBackward(pattern: AttentionMask.Pattern, headDimension: Int, length: Int) throws {
    let (batch, heads) = (2, 2)
    let shape = AttentionShape(
      batch: batch, heads: heads, headDimension: headDimension, queryLength: length, keyLength: length,
      scale: 1 / Float(headDimension).squareRoot())
    let width = shape.width
    let rows = batch * length
    var numbers = Numbers()
    let inputs = (0..<4).map { _ in numbers.floats(rows * width, scale: 2) }
    let ranges = Self.ranges(pattern, length)
    let results = try onEveryThreadCount { device in
      // Queries, keys and values side by side in one matrix, as a fused projection leaves them.
      var fused = [Float](repeating: 0, count: rows * 3 * width)
      for part in 0..<3 {
        for index in 0..<rows * width {
          fused[index / width * 3 * width + part * width + index % width] = inputs[part][index]
        }
      }
      let qkv = Matrix(device.makeBuffer(fused)[...], rows: rows, columns: 3 * width)
      let fresh = {
        Matrix(
          device.makeBuffer([Float](repeating: .nan, count: rows * width))[...], rows: rows, columns: width)
      }
      let (output, dq, dk, dv) = (fresh(), fresh(), fresh(), fresh())
      let logSumExp = device.makeBuffer(.float32, count: rows * heads)
      let forward = Attention(
        shape, query: qkv.columns(0..<width), key: qkv.columns(width..<2 * width),
        value: qkv.columns(2 * width..<3 * width), keyRanges: device.makeBuffer(ranges)[...], into: output,
        logSumExp: logSumExp[...])
      device.attention(forward)
      device.attention(
        AttentionBackward(
          of: forward,
          outputGradient: Matrix(device.makeBuffer(inputs[3])[...], rows: rows, columns: width),
          queryGradient: dq, keyGradient: dk, valueGradient: dv))
      return try [output.storage, logSumExp[...], dq.storage, dk.storage, dv.storage].map(device.read)
    }
    let expected = oracle(shape, inputs.map(doubles), ranges)
    for (index, part) in [0, 2, 3, 4].enumerated() { expectClose(results[part], expected.gradients[index]) }
    let visible = expected.logSumExp.indices.filter { expected.logSumExp[$0].isFinite }
    #expect(visible.count < expected.logSumExp.count)
    for index in expected.logSumExp.indices where !expected.logSumExp[index].isFinite {
      #expect(results[1][index] == -.infinity)
    }
    expectClose(visible.map { results[1][$0] }, visible.map { expected.logSumExp[$0] })
  }

  /// One new query against a cache of keys: the query's length is not the keys'.
  @Test
  func oneQueryOfACache() throws {
    let shape = AttentionShape(
      batch: 1, heads: 3, headDimension: 16, queryLength: 1, keyLength: 41, scale: 0.25)
    var numbers = Numbers()
    let (q, k, v) = (numbers.floats(48), numbers.floats(41 * 48), numbers.floats(41 * 48))
    let results = try onEveryThreadCount { device in
      let output = device.makeBuffer(.float32, count: 48)
      let logSumExp = device.makeBuffer(.float32, count: 3)
      device.attention(
        Attention(
          shape, query: Matrix(device.makeBuffer(q)[...], rows: 1, columns: 48),
          key: Matrix(device.makeBuffer(k)[...], rows: 41, columns: 48),
          value: Matrix(device.makeBuffer(v)[...], rows: 41, columns: 48),
          keyRanges: device.makeBuffer([Int32(2), 40])[...],
          into: Matrix(output[...], rows: 1, columns: 48), logSumExp: logSumExp[...]))
      return try [device.read(output[...]), device.read(logSumExp[...])]
    }
    var output: [Double] = []
    for head in 0..<3 {
      let weights = (2..<40).map { key in
        exp(0.25 * sum(0..<16) { Double(q[head * 16 + $0]) * Double(k[key * 48 + head * 16 + $0]) })
      }
      let total = weights.reduce(0, +)
      #expect(abs(Double(results[1][head]) - log(total)) < 1e-5)
      for column in 0..<16 {
        output.append(
          sum(2..<40) { weights[$0 - 2] * Double(v[$0 * 48 + head * 16 + column]) } / total)
      }
    }
    expectClose(results[0], output)
  }

  /// The formulas of the contract, a query at a time, in double precision: output, dq, dk, dv.
  private func oracle(
    _ shape: AttentionShape, _ inputs: [[Double]], _ ranges: [Int32]
  ) -> (gradients: [[Double]], logSumExp: [Double]) {
    let (q, k, v, dO) = (inputs[0], inputs[1], inputs[2], inputs[3])
    let (width, d, scale) = (shape.width, shape.headDimension, Double(shape.scale))
    var output = [Double](repeating: 0, count: q.count)
    var (dq, dk, dv) = (output, output, output)
    var logSumExp: [Double] = []
    for batch in 0..<shape.batch {
      for head in 0..<shape.heads {
        for t in 0..<shape.queryLength {
          let row = batch * shape.queryLength + t
          let query = row * width + head * d
          let keys = (Int(ranges[2 * row])..<Int(ranges[2 * row + 1])).map {
            (batch * shape.keyLength + $0) * width + head * d
          }
          let weights = keys.map { key in exp(scale * sum(0..<d) { q[query + $0] * k[key + $0] }) }
          let total = weights.reduce(0, +)
          logSumExp.append(log(total))
          for (key, weight) in zip(keys, weights) {
            for c in 0..<d { output[query + c] += weight / total * v[key + c] }
          }
          let delta = sum(0..<d) { dO[query + $0] * output[query + $0] }
          for (key, weight) in zip(keys, weights) {
            let p = weight / total
            let ds = p * (sum(0..<d) { dO[query + $0] * v[key + $0] } - delta) * scale
            for c in 0..<d {
              dq[query + c] += ds * k[key + c]
              dk[key + c] += ds * q[query + c]
              dv[key + c] += p * dO[query + c]
            }
          }
        }
      }
    }
    return ([output, dq, dk, dv], logSumExp)
  }
}
