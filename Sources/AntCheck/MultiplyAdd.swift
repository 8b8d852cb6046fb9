import AntDevice

/// Chains of multiply-adds, as long ones as converge and short ones that do not.
extension Conformance {
  static func multiplyAddCases() -> [ConformanceCase] {
    lengths.flatMap { count in
      [(0, Float(0.5), false), (1, -3, true), (7, 0.9, false), (100, 0.75, true)].map {
        multiplyAdd(count, steps: $0, factor: $1, inPlace: $2)
      }
    }
  }

  private static func multiplyAdd(_ count: Int, steps: Int, factor: Float, inPlace: Bool) -> ConformanceCase {
    ConformanceCase(
      "multiplyAdd", "multiplyAdd", "\(count) steps \(steps)" + (inPlace ? " in place" : ""),
      quick: count <= 1000 && steps < 100
    ) { bench in
      let x = inPlace ? bench.updated("x", count) : bench.input("x", count)
      let y = inPlace ? x : bench.output("y", count)
      bench.device.multiplyAdd(MultiplyAdd(x, factor: factor, term: 0.25, steps: steps, into: y))
    }
  }
}
