import AntDevice

/// All but a blend round once at most, so they are exact.
extension Conformance {
  static func elementwiseCases() -> [ConformanceCase] {
    ([0] + lengths).flatMap(vectors) + rowShapes.enumerated().map { copy($1, gap: $0 % 3) }
  }

  private static func vectors(_ count: Int) -> [ConformanceCase] {
    func named(_ operation: String, _ label: String = "", _ body: @escaping @Sendable (Bench) -> Void)
      -> ConformanceCase
    {
      ConformanceCase("elementwise", operation, "\(count) \(label)", quick: 1...1000 ~= count, body)
    }
    return [
      named("fill") { bench in
        bench.device.elementwise(Fill(bench.output("y", count, tolerance: 0), with: -1.7))
      },
      named("add", "apart") { bench in
        bench.device.elementwise(
          Add(bench.input("a", count), bench.input("b", count), into: bench.output("y", count, tolerance: 0)))
      },
      named("add", "into a") { bench in
        let a = bench.updated("a", count, tolerance: 0)
        bench.device.elementwise(Add(a, bench.input("b", count), into: a))
      },
      named("add", "into b") { bench in
        let b = bench.updated("b", count, tolerance: 0)
        bench.device.elementwise(Add(bench.input("a", count), b, into: b))
      },
      named("scale", "apart") { bench in
        bench.device.elementwise(
          Scale(bench.input("x", count), by: 0.37, into: bench.output("y", count, tolerance: 0)))
      },
      named("scale", "in place") { bench in
        let x = bench.updated("x", count, tolerance: 0)
        bench.device.elementwise(Scale(x, by: -3, into: x))
      },
      named("blend") { bench in
        bench.device.elementwise(
          Blend(bench.input("x", count), weight: 0.003, into: bench.updated("mean", count)))
      },
      named("exchange") { bench in
        bench.device.elementwise(
          Exchange(bench.updated("a", count, tolerance: 0), bench.updated("b", count, tolerance: 0)))
      },
    ]
  }

  private static func copy(_ shape: (rows: Int, columns: Int), gap: Int) -> ConformanceCase {
    let (rows, columns) = shape
    return ConformanceCase("elementwise", "copy", "\(rows)x\(columns)", quick: isQuick(shape)) { bench in
      bench.device.elementwise(
        Copy(
          bench.input("x", rows, columns, stride: columns + gap),
          into: bench.output("y", rows, columns, stride: columns + 2 * gap, tolerance: 0)))
    }
  }
}
