import Device

/// Matmul in its four transpositions, with every epilogue, on strided, batched, flat and deep shapes.
extension Conformance {
  static func matmulCases() -> [ConformanceCase] {
    layouts.flatMap { layout in
      shapes(layout).map { product(layout, $0) } + epilogues(layout) + batches(layout)
    }
  }

  /// Which operand is stored transposed.
  private struct Transposition: Sendable {
    var a: Bool
    var b: Bool
    var name: String { (a ? "T" : "N") + (b ? "T" : "N") }
  }

  private static let layouts = [(false, false), (false, true), (true, false), (true, true)].map {
    Transposition(a: $0.0, b: $0.1)
  }

  private struct Product: Sendable {
    var m: Int
    var n: Int
    var k: Int
    /// Added to every stride, as where a matrix is a block of columns of a wider one.
    var gap = 0
    var bias = false
    var residual = false
    var accumulate = false

    var isQuick: Bool { m <= 64 && m * n * k <= 40_000 }

    var name: String {
      "\(m)x\(n)x\(k)" + (gap > 0 ? " strided" : "") + (bias ? " bias" : "") + (residual ? " residual" : "")
        + (accumulate ? " accumulate" : "")
    }
  }

  private static func shapes(_ layout: Transposition) -> [Product] {
    let sizes = awkwardSizes
    let cubes = sizes.map { Product(m: $0, n: $0, k: $0) }
    let mixed = sizes.indices.map { index in
      Product(
        m: sizes[index], n: sizes[(3 * index + 1) % sizes.count], k: sizes[(7 * index + 2) % sizes.count],
        gap: index % 2 * 5)
    }
    let flat = (1...8).flatMap { rows in
      [
        Product(m: rows, n: 33, k: 37, gap: rows % 2 * 3), Product(m: rows, n: 384, k: 256),
        Product(m: rows, n: 1025, k: 511, gap: rows % 2 * 7),
      ]
    }
    let deep = [
      Product(m: 3, n: 5, k: 1000), Product(m: 16, n: 17, k: 4096), Product(m: 65, n: 63, k: 4099, gap: 1),
    ]
    let large = [Product(m: 257, n: 385, k: 300), Product(m: 384, n: 256, k: 513, gap: 8)]
    var generator = Generator(seed: 7)
    let random = (0..<8).map { index in
      Product(
        m: generator.integer(1..<200), n: generator.integer(1..<200), k: generator.integer(1..<300),
        gap: index % 3)
    }
    return cubes + mixed + flat + deep + large + random
  }

  private static func epilogues(_ layout: Transposition) -> [ConformanceCase] {
    [(17, 23, 19, 0), (5, 40, 33, 4), (129, 65, 300, 3), (64, 128, 64, 0)].flatMap { m, n, k, gap in
      (1..<8).map { options in
        product(
          layout,
          Product(
            m: m, n: n, k: k, gap: gap, bias: options & 1 > 0, residual: options & 2 > 0,
            accumulate: options & 4 > 0))
      }
    }
  }

  private static func product(_ layout: Transposition, _ shape: Product) -> ConformanceCase {
    ConformanceCase("matmul", "matmul \(layout.name)", shape.name, quick: shape.isQuick) { bench in
      let a = operand(bench, "A", shape.m, shape.k, transposed: layout.a, gap: shape.gap)
      let b = operand(bench, "B", shape.k, shape.n, transposed: layout.b, gap: shape.gap)
      let stride = shape.n + shape.gap
      let c =
        shape.accumulate
        ? bench.updated("C", shape.m, shape.n, stride: stride)
        : bench.output("C", shape.m, shape.n, stride: stride)
      bench.device.matmul(
        Matmul(
          a, transposed: layout.a, b, transposed: layout.b, into: c,
          bias: shape.bias ? bench.input("bias", shape.n) : nil,
          residual: shape.residual ? bench.input("residual", shape.m, shape.n, stride: stride) : nil,
          accumulate: shape.accumulate))
    }
  }

  private static func operand(
    _ bench: Bench, _ name: String, _ rows: Int, _ columns: Int, transposed: Bool, gap: Int
  ) -> Matrix {
    let (rows, columns) = transposed ? (columns, rows) : (rows, columns)
    return bench.input(name, rows, columns, stride: columns + gap)
  }

  // MARK: Batches

  private static func batches(_ layout: Transposition) -> [ConformanceCase] {
    [(3, 17, 19, 23), (2, 1, 33, 64), (4, 61, 64, 93), (6, 128, 127, 40)].flatMap { count, m, n, k in
      [
        stacked(layout, count, m, n, k), heads(layout, count, m, n, k), shared(layout, count, m, n, k),
      ]
    }
  }

  /// Matrices one behind the other.
  private static func stacked(_ layout: Transposition, _ count: Int, _ m: Int, _ n: Int, _ k: Int)
    -> ConformanceCase
  {
    batched(layout, "stacked", count, m, n, k) { bench in
      let (rowsA, columnsA) = layout.a ? (k, m) : (m, k)
      let (rowsB, columnsB) = layout.b ? (n, k) : (k, n)
      let a = bench.batch("A", .input, count, stride: m * k, rows: rowsA, columns: columnsA)
      let b = bench.batch("B", .input, count, stride: k * n + 3, rows: rowsB, columns: columnsB)
      let c = bench.batch("C", .output, count, stride: m * n, rows: m, columns: n)
      let residual = bench.batch("residual", .input, count, stride: m * n, rows: m, columns: n)
      return Matmul(
        a, transposed: layout.a, b, transposed: layout.b, into: c, bias: bench.input("bias", n),
        residual: residual, batch: count, batchStrideA: m * k, batchStrideB: k * n + 3, batchStrideC: m * n)
    }
  }

  /// Blocks of columns of one wide matrix, as the heads of an attention are.
  private static func heads(_ layout: Transposition, _ count: Int, _ m: Int, _ n: Int, _ k: Int)
    -> ConformanceCase
  {
    batched(layout, "heads accumulate", count, m, n, k) { bench in
      let (rowsA, columnsA) = layout.a ? (k, m) : (m, k)
      let (rowsB, columnsB) = layout.b ? (n, k) : (k, n)
      func wide(_ name: String, _ role: Role, _ rows: Int, _ columns: Int) -> Matrix {
        bench.batch(
          name, role, count, stride: columns, rows: rows, columns: columns, rowStride: count * columns)
      }
      return Matmul(
        wide("A", .input, rowsA, columnsA), transposed: layout.a, wide("B", .input, rowsB, columnsB),
        transposed: layout.b, into: wide("C", .updated, m, n), accumulate: true, batch: count,
        batchStrideA: columnsA, batchStrideB: columnsB, batchStrideC: n)
    }
  }

  /// One B for the whole batch.
  private static func shared(_ layout: Transposition, _ count: Int, _ m: Int, _ n: Int, _ k: Int)
    -> ConformanceCase
  {
    batched(layout, "one B", count, m, n, k) { bench in
      let (rowsA, columnsA) = layout.a ? (k, m) : (m, k)
      return Matmul(
        bench.batch("A", .input, count, stride: m * k, rows: rowsA, columns: columnsA), transposed: layout.a,
        operand(bench, "B", k, n, transposed: layout.b, gap: 0), transposed: layout.b,
        into: bench.batch("C", .output, count, stride: m * n, rows: m, columns: n), batch: count,
        batchStrideA: m * k, batchStrideB: 0, batchStrideC: m * n)
    }
  }

  private static func batched(
    _ layout: Transposition, _ kind: String, _ count: Int, _ m: Int, _ n: Int, _ k: Int,
    _ operation: @escaping @Sendable (Bench) -> Matmul
  ) -> ConformanceCase {
    ConformanceCase(
      "matmul", "matmul batched \(layout.name)", "\(count) x \(m)x\(n)x\(k) \(kind)",
      quick: count * m * n * k <= 40_000
    ) { $0.device.matmul(operation($0)) }
  }
}
