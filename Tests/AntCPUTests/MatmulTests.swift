import AntDevice
import Testing

struct MatmulTests {
  @Test(arguments: [
    (1, 1, 1), (5, 3, 2), (1, 40, 70), (8, 33, 17), (13, 33, 400), (31, 65, 7), (100, 20, 16), (2, 2, 0),
  ])
  func everyLayoutAndEpilogue(m: Int, n: Int, k: Int) throws {
    for layout in 0..<4 {
      let (transposeA, transposeB) = (layout & 1 == 1, layout & 2 == 2)
      for epilogue in 0..<8 {
        let (hasBias, hasResidual, accumulates) = (
          epilogue & 1 == 1, epilogue & 2 == 2, epilogue & 4 == 4
        )
        var numbers = Numbers()
        let a = numbers.floats(m * k)
        let b = numbers.floats(k * n)
        let c = numbers.floats(m * n)
        let bias = numbers.floats(n)
        let residual = numbers.floats(m * n)
        let result = try onEveryThreadCount { device in
          let output = device.makeBuffer(c)
          device.matmul(
            Matmul(
              Matrix(device.makeBuffer(a)[...], rows: transposeA ? k : m, columns: transposeA ? m : k),
              transposed: transposeA,
              Matrix(device.makeBuffer(b)[...], rows: transposeB ? n : k, columns: transposeB ? k : n),
              transposed: transposeB, into: Matrix(output[...], rows: m, columns: n),
              bias: hasBias ? device.makeBuffer(bias)[...] : nil,
              residual: hasResidual
                ? Matrix(device.makeBuffer(residual)[...], rows: m, columns: n) : nil,
              accumulate: accumulates))
          return [try device.read(output[...])]
        }
        let expected = (0..<m * n).map { index in
          let (row, column) = (index / n, index % n)
          let product = sum(0..<k) {
            Double(a[transposeA ? $0 * m + row : row * k + $0])
              * Double(b[transposeB ? column * k + $0 : $0 * n + column])
          }
          return product + (accumulates ? Double(c[index]) : 0) + (hasBias ? Double(bias[column]) : 0)
            + (hasResidual ? Double(residual[index]) : 0)
        }
        expectClose(result[0], expected)
      }
    }
  }

  /// Columns of wider matrices, several products, and nothing written between the rows.
  @Test(arguments: [2, 9])
  func stridesAndBatches(batch: Int) throws {
    let (m, n, k) = (7, 5, 6)
    let (strideA, strideB, strideC) = (k + 3, n + 2, n + 4)
    var numbers = Numbers()
    let a = numbers.floats(batch * m * strideA)
    let b = numbers.floats(batch * k * strideB)
    let result = try onEveryThreadCount { device in
      let output = device.makeBuffer([Float](repeating: 42, count: batch * m * strideC))
      device.matmul(
        Matmul(
          Matrix(device.makeBuffer(a)[...], rows: m, columns: k, stride: strideA),
          Matrix(device.makeBuffer(b)[...], rows: k, columns: n, stride: strideB),
          into: Matrix(output[...], rows: m, columns: n, stride: strideC), batch: batch,
          batchStrideA: m * strideA, batchStrideB: k * strideB, batchStrideC: m * strideC))
      return [try device.read(output[...])]
    }
    let expected = (0..<batch * m * strideC).map { index -> Double in
      let (row, column) = (index / strideC, index % strideC)
      let item = row / m
      guard column < n else { return 42.0 }
      return sum(0..<k) {
        Double(a[row * strideA + $0]) * Double(b[(item * k + $0) * strideB + column])
      }
    }
    expectClose(result[0], expected)
  }

  /// More rows, columns and steps than one block holds.
  @Test
  func severalBlocks() throws {
    let (m, n, k) = (110, 270, 400)
    var numbers = Numbers()
    let a = numbers.floats(m * k)
    let b = numbers.floats(n * k)
    let result = try onEveryThreadCount { device in
      let output = device.makeBuffer(.float32, count: m * n)
      device.matmul(
        Matmul(
          Matrix(device.makeBuffer(a)[...], rows: m, columns: k), transposed: false,
          Matrix(device.makeBuffer(b)[...], rows: n, columns: k), transposed: true,
          into: Matrix(output[...], rows: m, columns: n)))
      return [try device.read(output[...])]
    }
    var expected = [Double](repeating: 0, count: m * n)
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        for row in 0..<m {
          for column in 0..<n {
            var dot = 0.0
            for step in 0..<k { dot += Double(a[row * k + step]) * Double(b[column * k + step]) }
            expected[row * n + column] = dot
          }
        }
      }
    }
    expectClose(result[0], expected)
  }
}
