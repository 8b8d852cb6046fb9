import Device

/// Gradient control with everything that is not finite, and AdamW, which then must not move a bit.
extension Conformance {
  static func optimizerCases() -> [ConformanceCase] {
    [
      control("clipped", squares: 16, loss: 2.5, maximum: 1),
      control("within", squares: 0.25, loss: 2.5, maximum: 1),
      control("no gradient", squares: 0, loss: 0, maximum: 1),
      control("unlimited", squares: 1e12, loss: -3, maximum: .infinity),
      control("infinite norm", squares: .infinity, loss: 1, maximum: 1),
      control("norm not a number", squares: .nan, loss: 1, maximum: 1),
      control("loss not a number", squares: 4, loss: .nan, maximum: 1),
      control("infinite loss", squares: 4, loss: .infinity, maximum: 1),
      control("loss of minus infinity", squares: 4, loss: -.infinity, maximum: .infinity),
      control("both not finite", squares: .infinity, loss: .nan, maximum: .infinity),
    ]
      + lengths.flatMap { count in
        [
          adamW(count, decayed: count, step: 1), adamW(count, decayed: count / 2, step: 2),
          adamW(count, decayed: 0, step: 1000), adamW(count, decayed: count / 3, step: 123_456),
          unmoved(count, "finite gradients", .normal()),
          unmoved(count, "gradients not finite", .oneOf([.nan, .infinity, 1])),
        ]
      }
  }

  private static func control(_ label: String, squares: Float, loss: Float, maximum: Float)
    -> ConformanceCase
  {
    // Where something is not finite the factor multiplies nothing and may be anything.
    let isFinite = squares.isFinite && loss.isFinite
    return ConformanceCase("optimizer", "gradient control", label, quick: true) { bench in
      bench.device.optimizer(
        GradientControl(
          gradientSquares: bench.input("squares", 1, .constant(squares)),
          loss: bench.input("loss", 1, .constant(loss)), maximumNorm: maximum,
          into: bench.output("control", GradientControl.size, compared: isFinite ? 0..<4 : 1..<4)))
    }
  }

  private static func adamW(_ count: Int, decayed: Int, step: Int) -> ConformanceCase {
    ConformanceCase(
      "optimizer", "AdamW", "\(count), \(decayed) decayed, step \(step)", quick: count <= 1000
    ) { bench in
      bench.device.optimizer(
        adamW(
          bench, count, gradients: .normal(), control: [0.37, 2, 1, 1], tolerance: Conformance.tolerance,
          decayed: decayed, step: step))
    }
  }

  private static func unmoved(_ count: Int, _ label: String, _ gradients: Values) -> ConformanceCase {
    ConformanceCase(
      "optimizer", "AdamW not finite", "\(count), \(label)", quick: count <= 1000
    ) { bench in
      bench.device.optimizer(
        adamW(
          bench, count, gradients: gradients, control: [.nan, .infinity, .nan, 0], tolerance: 0,
          decayed: count / 2, step: 3))
    }
  }

  private static func adamW(
    _ bench: Bench, _ count: Int, gradients: Values, control: [Float], tolerance: Double, decayed: Int,
    step: Int
  ) -> AdamW {
    AdamW(
      parameters: bench.updated("parameters", count, tolerance: tolerance),
      gradients: bench.input("gradients", count, gradients),
      firstMoment: bench.updated("first moment", count, .normal(0.5), tolerance: tolerance),
      secondMoment: bench.updated("second moment", count, .uniform(0..<1), tolerance: tolerance),
      control: bench.input("control", control), decayedCount: decayed, learningRate: 0.01, beta1: 0.9,
      beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, step: step)
  }
}
