import AntDevice

/// Matmul in its four transpositions and every precision, with every epilogue, on strided, batched, flat and
/// deep shapes.
///
/// The reference rounds operands to the precision first, so that what a device may still be off by is the sums:
/// as much as float32 allows, or a little more where matrix units cut products off before they add them.
extension Conformance {
  static func matmulCases() -> [ConformanceCase] {
    layouts.flatMap { layout in
      shapes(layout).map { product(layout, $0) } + epilogues(layout) + batches(layout)
    }
      + [stacked(layouts[0], 16, 260, 132, 20)] + symmetricCases(.float32)
      + Precision.rounding.flatMap { precision in
        layouts.flatMap { roundedCases(of: $0.rounded(to: precision)) } + symmetricCases(precision)
      }
  }

  /// Relative error allowed in products: more where operands are rounded.
  static func productTolerance(_ precision: Precision) -> Double { precision == .float32 ? tolerance : 1e-4 }

  /// The cases of one layout in tf32 or bfloat16.
  private static func roundedCases(of layout: Transposition) -> [ConformanceCase] {
    shapes(layout).map { product(layout, $0) } + epilogues(layout) + batches(layout) + splits(layout)
      + roundings(layout)
  }

  /// Which operand is stored transposed.
  private struct Transposition: Sendable {
    var a: Bool
    var b: Bool
    var precision = Precision.float32

    func rounded(to precision: Precision) -> Transposition {
      Transposition(a: a, b: b, precision: precision)
    }

    private var name: String { (a ? "T" : "N") + (b ? "T" : "N") }
    /// What the report calls the operation: below float32, one for all layouts.
    func operation(_ kind: String = "") -> String {
      precision == .float32 ? "matmul\(kind) \(name)" : "matmul \(precision.rawValue)\(kind)"
    }
    func shape(_ text: String) -> String { precision == .float32 ? text : "\(name) \(text)" }
    /// Emulating a matrix unit takes a simulator seconds a tile: below float32 it sees the smallest products of
    /// two layouts, in which either operand lies either way.
    func isQuick(_ work: Int) -> Bool { precision == .float32 ? work <= 40_000 : work <= 6000 && a != b }
    var tolerance: Double { Conformance.productTolerance(precision) }
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
    /// Begins where four floats may be read as one, rather than anywhere.
    var aligned = false
    var bias = false
    var residual = false
    var accumulate = false
    var values = Values.normal()
    var note = ""

    var name: String {
      "\(m)x\(n)x\(k)" + (gap > 0 ? " strided" : "") + (bias ? " bias" : "") + (residual ? " residual" : "")
        + (accumulate ? " accumulate" : "") + note
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
    // An empty sum is what is added to it.
    let empty = [
      Product(m: 20, n: 9, k: 0, bias: true, residual: true), Product(m: 3, n: 9, k: 0, bias: true),
      Product(m: 5, n: 7, k: 0, accumulate: true),
    ]
    let large = [Product(m: 257, n: 385, k: 300), Product(m: 384, n: 256, k: 513, gap: 8)]
    var generator = Generator(seed: 7)
    let random = (0..<8).map { index in
      Product(
        m: generator.integer(1..<200), n: generator.integer(1..<200), k: generator.integer(1..<300),
        gap: index % 3)
    }
    // So wide a B that CPUs pack it in parts.
    let wide =
      layout.precision == .float32
      ? [Product(m: 11, n: 4201, k: 800, gap: 3, bias: true, residual: true, accumulate: true)] : []
    return cubes + mixed + flat + deep + empty + large + wide + random
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

  /// A matrix times its transpose, from either side, twice into one C: replaced, then added to.
  private static func symmetricCases(_ precision: Precision) -> [ConformanceCase] {
    let shapes: [(n: Int, k: Int, batch: Int)] = [
      (17, 23, 1), (33, 5, 3), (64, 40, 2), (65, 300, 1), (129, 63, 2), (200, 1100, 1), (385, 128, 1),
    ]
    return shapes.flatMap { shape in
      [false, true].map { symmetric(shape.n, shape.k, batch: shape.batch, isTall: $0, precision) }
    }
  }

  private static func symmetric(
    _ n: Int, _ k: Int, batch: Int, isTall: Bool, _ precision: Precision
  ) -> ConformanceCase {
    let isFloat32 = precision == .float32
    let operation = isFloat32 ? "matmul symmetric" : "matmul \(precision.rawValue) symmetric"
    return ConformanceCase(
      "matmul", operation, "\(isTall ? "TN" : "NT") \(n)x\(n)x\(k) x \(batch)",
      quick: n * n * k * batch <= (isFloat32 ? 40_000 : 7000)
    ) { bench in
      let (rows, columns) = isTall ? (k, n) : (n, k)
      let whole = bench.input("A", batch * rows, columns, stride: columns + 3)
      let all = bench.output(
        "C", batch * n, n, stride: n + 5, tolerance: productTolerance(precision))
      let a = whole.rows(0..<rows)
      for accumulate in [false, true] {
        bench.device.matmul(
          Matmul(
            a, transposed: isTall, a, transposed: !isTall, into: all.rows(0..<n), accumulate: accumulate,
            symmetric: true, batch: batch, batchStrideA: rows * whole.stride,
            batchStrideB: rows * whole.stride, batchStrideC: n * all.stride, precision: precision))
      }
    }
  }

  private static func product(_ layout: Transposition, _ shape: Product) -> ConformanceCase {
    ConformanceCase(
      "matmul", layout.operation(shape.note.isEmpty ? "" : " rounding"), layout.shape(shape.name),
      quick: shape.m <= 64 && layout.isQuick(shape.m * shape.n * shape.k)
    ) { bench in
      let a = operand(
        bench, "A", shape.m, shape.k, transposed: layout.a, gap: shape.gap, shape.values,
        offset: shape.aligned ? 64 : nil)
      let b = operand(
        bench, "B", shape.k, shape.n, transposed: layout.b, gap: shape.gap, shape.values,
        offset: shape.aligned ? 64 : nil)
      let stride = shape.n + shape.gap
      let c =
        shape.accumulate
        ? bench.updated("C", shape.m, shape.n, stride: stride, tolerance: layout.tolerance)
        : bench.output("C", shape.m, shape.n, stride: stride, tolerance: layout.tolerance)
      bench.device.matmul(
        Matmul(
          a, transposed: layout.a, b, transposed: layout.b, into: c,
          bias: shape.bias ? bench.input("bias", shape.n) : nil,
          residual: shape.residual ? bench.input("residual", shape.m, shape.n, stride: stride) : nil,
          accumulate: shape.accumulate, precision: layout.precision))
    }
  }

  private static func operand(
    _ bench: Bench, _ name: String, _ rows: Int, _ columns: Int, transposed: Bool, gap: Int,
    _ values: Values = .normal(), offset: Int? = nil
  ) -> Matrix {
    let (rows, columns) = transposed ? (columns, rows) : (rows, columns)
    return bench.input(name, rows, columns, stride: columns + gap, values, offset: offset)
  }

  // MARK: Rounding

  /// Sums over many terms that a GPU takes in slices, beside products large enough for its largest tiles; all
  /// but one can be read four floats at a time.
  private static func splits(_ layout: Transposition) -> [ConformanceCase] {
    [
      Product(m: 40, n: 72, k: 1500, aligned: true, bias: true, residual: true, accumulate: true),
      Product(m: 130, n: 129, k: 2049, gap: 3, accumulate: true),
      Product(m: 64, n: 64, k: 2048, aligned: true), Product(m: 1300, n: 1252, k: 84, aligned: true),
      Product(m: 650, n: 640, k: 2052, aligned: true),
    ].map { product(layout, $0) }
  }

  /// Operands whose rounding errors all have one sign, so that sums of any length show whether they were
  /// rounded and how: normal ones are off by so little on average that a long sum hides it.
  private static func roundings(_ layout: Transposition) -> [ConformanceCase] {
    Values.roundings(to: layout.precision).flatMap { note, values in
      [
        (7, 17, 16, 3), (17, 19, 33, 5), (1, 40, 64, 0), (61, 16, 37, 0), (8, 129, 300, 0),
        (129, 130, 700, 2),
      ]
      .map { m, n, k, gap in
        product(layout, Product(m: m, n: n, k: k, gap: gap, values: values, note: " \(note)"))
      }
    }
  }

  // MARK: Batches

  private static func batches(_ layout: Transposition) -> [ConformanceCase] {
    [(3, 17, 19, 23), (2, 1, 33, 64), (4, 61, 64, 93), (6, 128, 127, 40), (2, 13, 9, 2500)].flatMap {
      count, m, n, k in
      [
        stacked(layout, count, m, n, k), heads(layout, count, m, n, k),
        shared(layout, count, m, n, k, isA: false), shared(layout, count, m, n, k, isA: true),
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
      let c = bench.batch(
        "C", .output, count, stride: m * n, rows: m, columns: n, tolerance: layout.tolerance)
      let residual = bench.batch("residual", .input, count, stride: m * n, rows: m, columns: n)
      return Matmul(
        a, transposed: layout.a, b, transposed: layout.b, into: c, bias: bench.input("bias", n),
        residual: residual, batch: count, batchStrideA: m * k, batchStrideB: k * n + 3, batchStrideC: m * n,
        precision: layout.precision)
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
          name, role, count, stride: columns, rows: rows, columns: columns, rowStride: count * columns,
          tolerance: layout.tolerance)
      }
      return Matmul(
        wide("A", .input, rowsA, columnsA), transposed: layout.a, wide("B", .input, rowsB, columnsB),
        transposed: layout.b, into: wide("C", .updated, m, n), accumulate: true, batch: count,
        batchStrideA: columnsA, batchStrideB: columnsB, batchStrideC: n, precision: layout.precision)
    }
  }

  /// One A or one B for the whole batch.
  private static func shared(
    _ layout: Transposition, _ count: Int, _ m: Int, _ n: Int, _ k: Int, isA: Bool
  ) -> ConformanceCase {
    batched(layout, isA ? "one A" : "one B", count, m, n, k) { bench in
      func matrix(_ name: String, _ rows: Int, _ columns: Int, _ transposed: Bool, isShared: Bool) -> Matrix {
        if isShared { return operand(bench, name, rows, columns, transposed: transposed, gap: 0) }
        let (rows, columns) = transposed ? (columns, rows) : (rows, columns)
        return bench.batch(name, .input, count, stride: rows * columns, rows: rows, columns: columns)
      }
      return Matmul(
        matrix("A", m, k, layout.a, isShared: isA), transposed: layout.a,
        matrix("B", k, n, layout.b, isShared: !isA), transposed: layout.b,
        into: bench.batch(
          "C", .output, count, stride: m * n, rows: m, columns: n, tolerance: layout.tolerance),
        batch: count, batchStrideA: isA ? 0 : m * k, batchStrideB: isA ? k * n : 0, batchStrideC: m * n,
        precision: layout.precision)
    }
  }

  private static func batched(
    _ layout: Transposition, _ kind: String, _ count: Int, _ m: Int, _ n: Int, _ k: Int,
    _ operation: @escaping @Sendable (Bench) -> Matmul
  ) -> ConformanceCase {
    ConformanceCase(
      "matmul", layout.operation(" batched"), layout.shape("\(count) x \(m)x\(n)x\(k) \(kind)"),
      quick: layout.isQuick(count * m * n * k)
    ) { $0.device.matmul(operation($0)) }
  }
}

extension Precision {
  /// Those that round.
  static let rounding = allCases.filter { $0 != .float32 }
}

extension Values {
  /// Numbers in 1 ..< 2 that lie between two neighbours of a precision: right between them, the lower one even,
  /// where the rule for ties decides; and three quarters of the way up, where cutting off goes the wrong way.
  /// All lie in the lower half of every eight steps, so that a coarser precision errs to one side as well.
  static func roundings(to precision: Precision) -> [(note: String, values: Values)] {
    let steps = precision == .tf32 ? 1024 : 128
    func between(_ part: Float) -> Values {
      Values { 1 + (Float(8 * $0.integer(0..<steps / 8) + $0.choice([0, 2])) + part) / Float(steps) }
    }
    return [("ties", between(0.5)), ("three quarters", between(0.75))]
  }
}
