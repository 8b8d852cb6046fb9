import AntDevice

/// Gradient control with everything that is not finite, and AdamW, LAMB and Muon's ends, which then must not move a bit.
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
      } + lambCases() + muonCases()
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
      ParameterUpdate(
        parameters: bench.updated("parameters", count, tolerance: tolerance),
        gradients: bench.input("gradients", count, gradients),
        firstMoment: bench.updated("first moment", count, .normal(0.5), tolerance: tolerance),
        secondMoment: bench.updated("second moment", count, .uniform(0..<1), tolerance: tolerance),
        control: bench.input("control", control), decayedCount: decayed, learningRate: 0.01,
        moments: Moments(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: step), weightDecay: 0.1))
  }

  /// Tensors of these sizes one after another, with gaps behind some, and where the last gap ends.
  private static func tensors(_ sizes: [Int], from start: Int) -> (ranges: [Range<Int>], count: Int) {
    var end = start
    let ranges = sizes.enumerated().map { index, size in
      defer { end += size + index % 3 * 17 }
      return end..<end + size
    }
    return (ranges, end)
  }

  /// Tensors of these sizes, with gaps between some.
  private static func lamb(
    _ label: String, _ sizes: [Int], decayed: Int, step: Int = 3, control: [Float] = [0.37, 2, 1, 1],
    parameters: Values = .normal(), gradients: Values = .normal(), weightDecay: Float = 0.1
  ) -> ConformanceCase {
    let (ranges, count) = tensors(sizes, from: 0)
    let decayedCount = decayed < ranges.count ? ranges[decayed].lowerBound : count
    let tolerance = control[3] == 1 ? Conformance.tolerance : 0
    return ConformanceCase("optimizer", "LAMB", label, quick: count <= 1000) { bench in
      bench.device.optimizer(
        LAMB(
          ParameterUpdate(
            parameters: bench.updated("parameters", count, parameters, tolerance: tolerance),
            gradients: bench.updated("gradients", count, gradients, tolerance: tolerance),
            firstMoment: bench.updated("first moment", count, .normal(0.5), tolerance: tolerance),
            secondMoment: bench.updated("second moment", count, .uniform(0..<1), tolerance: tolerance),
            control: bench.input("control", control),
            decayedCount: decayedCount, learningRate: 0.01,
            moments: Moments(beta1: 0.9, beta2: 0.98, epsilon: 1e-6, step: step), weightDecay: weightDecay),
          blocks: TensorBlocks(ranges, on: bench.device)))
    }
  }

  /// Tensors of these sizes with gaps between them, which stay as they are.
  private static func muon(
    _ label: String, _ sizes: [Int], control: [Float] = [0.37, 2, 1, 1], gradients: Values = .normal()
  ) -> [ConformanceCase] {
    let (ranges, count) = tensors(sizes, from: 3)
    let tolerance = control[3] == 1 ? Conformance.tolerance : 0
    return [
      ConformanceCase("optimizer", "Muon direction", label, quick: count <= 1000) { bench in
        // The first of two is the one that planted errors are put into: never the one with values not finite.
        let moment = bench.updated("moment", count, .normal(0.5), tolerance: tolerance)
        bench.device.optimizer(
          MuonDirection(
            gradients: bench.updated("gradients", count, gradients, tolerance: tolerance), moment: moment,
            control: bench.input("control", control), momentum: 0.95,
            blocks: TensorBlocks(ranges, on: bench.device)))
      },
      ConformanceCase("optimizer", "Muon step", label, quick: count <= 1000) { bench in
        bench.device.optimizer(
          MuonStep(
            parameters: bench.updated("parameters", count, tolerance: tolerance),
            direction: bench.input("direction", count, gradients), control: bench.input("control", control),
            learningRate: 0.02, weightDecay: 0.1, blocks: TensorBlocks(ranges, on: bench.device)))
      },
    ]
  }

  private static func muonCases() -> [ConformanceCase] {
    muon("one element", [1]) + muon("small tensors", [3, 64, 1, 17, 200, 5])
      + muon("long tensors", [16_384, 16_385, 70_001, 33]) + muon("many blocks", [700_000, 12])
      + muon("no gradients", [100, 20], gradients: .constant(0))
      + muon("not finite", [100, 20_000, 20], control: [.nan, .infinity, .nan, 0])
      + muon(
        "gradients not finite", [100, 20], control: [0, .nan, 1, 0], gradients: .oneOf([.nan, .infinity, 1]))
  }

  private static func lambCases() -> [ConformanceCase] {
    [
      lamb("one element", [1], decayed: 1, step: 1),
      lamb("small tensors", [3, 64, 1, 17, 200, 5], decayed: 4), lamb("none decays", [40, 7], decayed: 0),
      lamb("no decay but a ratio", [40, 7], decayed: 1, weightDecay: 0),
      lamb("long tensors", [16_384, 16_385, 70_001, 33], decayed: 3, step: 1000),
      lamb("many blocks", [700_000, 12], decayed: 1, step: 77),
      lamb("weights of zero", [100, 20], decayed: 2, parameters: .constant(0)),
      lamb("not finite", [100, 20_000, 20], decayed: 2, control: [.nan, .infinity, .nan, 0]),
      lamb(
        "gradients not finite", [100, 20], decayed: 2, control: [0, .nan, 1, 0],
        gradients: .oneOf([.nan, .infinity, 1])),
    ]
  }
}
