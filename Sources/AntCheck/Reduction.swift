import AntDevice

/// Sums, sums of squares and sums of columns, short and long, replacing and adding.
extension Conformance {
  static func reductionCases() -> [ConformanceCase] {
    let counts = [0] + lengths + [255, 256, 257, 65_537, 1_000_003]
    return [Reduction.Kind.sum, .sumOfSquares].flatMap { kind in
      counts.flatMap { count in [false, true].map { reduction(kind, count, accumulate: $0) } }
    }
      + (rowShapes + [(0, 3)]).enumerated().flatMap { index, shape in
        [false, true].map { columnSum(shape, gap: index % 3, accumulate: $0) }
      }
  }

  private static func reduction(_ kind: Reduction.Kind, _ count: Int, accumulate: Bool) -> ConformanceCase {
    ConformanceCase(
      "reduction", kind == .sum ? "sum" : "sum of squares", "\(count)\(accumulate ? " accumulate" : "")",
      quick: count <= 5000
    ) { bench in
      bench.device.reduction(
        Reduction(
          kind, of: bench.input("x", count),
          into: accumulate ? bench.updated("sum", 1) : bench.output("sum", 1), accumulate: accumulate))
    }
  }

  private static func columnSum(_ shape: (rows: Int, columns: Int), gap: Int, accumulate: Bool)
    -> ConformanceCase
  {
    let (rows, columns) = shape
    return ConformanceCase(
      "reduction", "column sum", "\(rows)x\(columns)\(accumulate ? " accumulate" : "")",
      quick: isQuick(shape)
    ) { bench in
      bench.device.reduction(
        ColumnSum(
          bench.input("x", rows, columns, stride: columns + gap),
          into: accumulate ? bench.updated("sums", columns) : bench.output("sums", columns),
          accumulate: accumulate))
    }
  }
}
