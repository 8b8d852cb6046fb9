import AntDevice

/// Cross-entropy and its gradient: ignored rows, large logits, the gradient in the logits' place, weights, z-loss.
extension Conformance {
  static func crossEntropyCases() -> [ConformanceCase] {
    (rowShapes + [(9, 8192)]).enumerated().flatMap { index, shape in
      [
        crossEntropy(shape, "losses only", gap: index % 3, gradient: .none),
        crossEntropy(shape, "apart", gap: index % 3, gradient: .apart),
        crossEntropy(shape, "in place", gap: (index + 1) % 3, gradient: .inPlace),
        crossEntropy(shape, "large in place", .uniform(-1e4..<1e4), gradient: .inPlace),
        crossEntropy(shape, "all ignored", ignored: 1, gradient: .inPlace),
        crossEntropy(shape, "none ignored", .normal(3, around: 50), ignored: 0, gradient: .apart),
        crossEntropy(shape, "weighted", gradient: .inPlace, weights: .uniform(0..<4)),
        crossEntropy(shape, "z-loss", .normal(3, around: -4), gradient: .apart, zLoss: 0.01),
        crossEntropy(
          shape, "weighted with z-loss", gap: 2, gradient: .inPlace, weights: .normal(), zLoss: 1e-4),
      ]
    }
  }

  private enum Gradient { case none, apart, inPlace }

  /// - Parameter ignored: the share of rows without a label.
  private static func crossEntropy(
    _ shape: (rows: Int, columns: Int), _ label: String, _ values: Values = .normal(3), gap: Int = 0,
    ignored: Float = 0.3, gradient kind: Gradient, weights: Values? = nil, zLoss: Float = 0
  ) -> ConformanceCase {
    let (rows, columns) = shape
    return ConformanceCase(
      "crossEntropy", kind == .none ? "cross-entropy" : "cross-entropy with gradient",
      "\(rows)x\(columns) \(label)", quick: isQuick(shape)
    ) { bench in
      let labels = (0..<rows).map { _ in
        bench.generator.uniform() < ignored ? -100 : Int32(bench.generator.integer(0..<columns))
      }
      let stride = columns + gap
      let logits =
        kind == .inPlace
        ? bench.updated("logits", rows, columns, stride: stride, values)
        : bench.input("logits", rows, columns, stride: stride, values)
      let gradient: Matrix? =
        switch kind {
        case .none: nil
        case .apart: bench.output("gradient", rows, columns, stride: columns + 2 * gap)
        case .inPlace: logits
        }
      bench.device.crossEntropy(
        CrossEntropy(
          logits, labels: bench.input("labels", labels), losses: bench.output("losses", rows),
          gradient: gradient, scale: 1 / Float(rows),
          weights: weights.map { bench.input("weights", rows, $0) },
          zLoss: zLoss))
    }
  }
}
