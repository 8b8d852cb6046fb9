import AntDevice

/// Every activation function, alone and gating, forward and backward, also far out in its tails.
extension Conformance {
  static func activationCases() -> [ConformanceCase] {
    ActivationFunction.allCases.flatMap { function in
      lengths.flatMap { alone(function, $0) }
        + rowShapes.enumerated().flatMap { gated(function, $1, gap: $0 % 3) }
    }
  }

  /// Lengths for the operations that work element by element.
  static let lengths = awkwardSizes + [1000, 4097, 100_003]

  private static let tails: [Float] = [
    -104, -89, -88, -30, -13, -6, -5, -1e-3, -1e-30, 0, 1e-30, 1e-3, 3, 5, 6, 13, 30, 88, 89, 104,
  ]
  private static let far: [Float] = [-1e4, -1000, 1000, 1e4]

  private static func alone(_ function: ActivationFunction, _ count: Int) -> [ConformanceCase] {
    func forward(_ label: String, _ values: Values, inPlace: Bool = false) -> ConformanceCase {
      ConformanceCase("activation", "\(function)", "\(count) \(label)", quick: count <= 1000) { bench in
        let x = inPlace ? bench.updated("x", count, values) : bench.input("x", count, values)
        let y = inPlace ? x : bench.output("y", count)
        bench.device.activation(Activation(function, x, into: y))
      }
    }
    func backward(_ label: String, _ values: Values, inPlace: Bool = false) -> ConformanceCase {
      ConformanceCase("activation", "\(function) backward", "\(count) \(label)", quick: count <= 1000) {
        bench in
        let x = bench.input("x", count, values)
        let dy = inPlace ? bench.updated("dy", count) : bench.input("dy", count)
        let dx = inPlace ? dy : bench.output("dx", count)
        bench.device.activation(ActivationBackward(function, input: x, outputGradient: dy, into: dx))
      }
    }
    return [
      forward("", .normal(2)), forward("in place", .normal(2), inPlace: true),
      forward("tails", .oneOf(tails)),
      forward("far", .oneOf(far)),
      forward("small", .uniform(-0.01..<0.01)), forward("negative", .uniform(-9 ..< -3)),
      backward("", .normal(2)), backward("in place", .normal(2), inPlace: true),
      backward("tails", .oneOf(tails)), backward("far", .oneOf(far)),
      backward("negative", .uniform(-9 ..< -3)),
    ]
  }

  private static func gated(
    _ function: ActivationFunction, _ shape: (rows: Int, columns: Int), gap: Int
  ) -> [ConformanceCase] {
    let (rows, columns) = shape
    func named(_ operation: String, _ label: String, _ body: @escaping @Sendable (Bench) -> Void)
      -> ConformanceCase
    {
      ConformanceCase(
        "activation", "gated \(function)\(operation)", "\(rows)x\(columns) \(label)", quick: isQuick(shape),
        body)
    }
    return [
      named("", "fused") { bench in
        let both = bench.input("gate, up", rows, 2 * columns, .normal(2))
        bench.device.activation(
          GatedActivation(
            function, gate: both.columns(0..<columns), up: both.columns(columns..<2 * columns),
            into: bench.output("y", rows, columns, stride: columns + gap)))
      },
      named("", "tails") { bench in
        bench.device.activation(
          GatedActivation(
            function, gate: bench.input("gate", rows, columns, .oneOf(tails)),
            up: bench.input("up", rows, columns, stride: columns + gap),
            into: bench.output("y", rows, columns)))
      },
      named(" backward", "apart") { bench in
        bench.device.activation(
          GatedActivationBackward(
            function, gate: bench.input("gate", rows, columns, stride: columns + gap, .normal(2)),
            up: bench.input("up", rows, columns), outputGradient: bench.input("dy", rows, columns),
            gateGradient: bench.output("dgate", rows, columns, stride: columns + 2 * gap),
            upGradient: bench.output("dup", rows, columns)))
      },
      named(" backward", "fused, in place") { bench in
        let both = bench.updated("gate, up", rows, 2 * columns, .normal(2))
        let (gate, up) = (both.columns(0..<columns), both.columns(columns..<2 * columns))
        bench.device.activation(
          GatedActivationBackward(
            function, gate: gate, up: up,
            outputGradient: bench.input("dy", rows, columns, stride: columns + gap), gateGradient: gate,
            upGradient: up))
      },
    ]
  }
}
