import AntDevice

/// RMS and layer norm, affine or not, forward and backward.
extension Conformance {
  static func normalizationCases() -> [ConformanceCase] {
    [Normalization.Kind.rms, .layer].flatMap { kind in
      rowShapes.enumerated().flatMap { index, shape in
        forward(kind, shape, gap: index % 3) + backward(kind, shape, gap: (index + 1) % 3)
      }
    }
  }

  private enum Affine: String, CaseIterable { case plain, weight, weightAndBias }

  private static func forward(
    _ kind: Normalization.Kind, _ shape: (rows: Int, columns: Int), gap: Int
  ) -> [ConformanceCase] {
    let (rows, columns) = shape
    func forward(
      _ label: String, _ affine: Affine, _ values: Values = .normal(2, around: 0.5), inPlace: Bool = false
    ) -> ConformanceCase {
      ConformanceCase(
        "normalization", "\(kind) norm", "\(rows)x\(columns) \(affine) \(label)", quick: isQuick(shape)
      ) { bench in
        let x =
          inPlace
          ? bench.updated("x", rows, columns, stride: columns + gap, values)
          : bench.input("x", rows, columns, stride: columns + gap, values)
        let y = inPlace ? x : bench.output("y", rows, columns, stride: columns + 2 * gap)
        bench.device.normalization(
          Normalization(
            kind, x, weight: affine == .plain ? nil : bench.input("weight", columns, .sizeable),
            bias: affine == .weightAndBias ? bench.input("bias", columns) : nil, epsilon: 1e-5, into: y))
      }
    }
    return Affine.allCases.map { forward("", $0) } + [
      forward("in place", .weight, inPlace: true),
      forward("far from zero", .plain, .normal(1, around: 30)),
      forward("tiny", .weight, .normal(1e-4)),
      forward("zeros", .weightAndBias, .constant(0)),
    ]
  }

  private static func backward(
    _ kind: Normalization.Kind, _ shape: (rows: Int, columns: Int), gap: Int
  ) -> [ConformanceCase] {
    let (rows, columns) = shape
    func backward(
      _ affine: Affine, accumulate: Bool = false, inPlace: Bool = false, parameters: Bool = true
    ) -> ConformanceCase {
      let label =
        (accumulate ? " accumulate" : "") + (inPlace ? " in place" : "")
        + (parameters ? "" : " input only")
      return ConformanceCase(
        "normalization", "\(kind) norm backward", "\(rows)x\(columns) \(affine)\(label)",
        quick: isQuick(shape)
      ) { bench in
        let x = bench.input("x", rows, columns, stride: columns + gap, .normal(2, around: 0.5))
        let dy =
          inPlace
          ? bench.updated("dy", rows, columns, stride: columns + gap)
          : bench.input("dy", rows, columns)
        let dx =
          inPlace
          ? dy
          : accumulate
            ? bench.updated("dx", rows, columns, stride: columns + 2 * gap)
            : bench.output("dx", rows, columns, stride: columns + 2 * gap)
        let hasWeight = affine != .plain
        bench.device.normalization(
          NormalizationBackward(
            kind, input: x, weight: hasWeight ? bench.input("weight", columns, .sizeable) : nil,
            epsilon: 1e-5, outputGradient: dy, inputGradient: dx, accumulate: accumulate,
            weightGradient: hasWeight && parameters ? bench.updated("dweight", columns) : nil,
            biasGradient: affine == .weightAndBias && parameters ? bench.updated("dbias", columns) : nil))
      }
    }
    return Affine.allCases.map { backward($0) } + [
      backward(.plain, accumulate: true), backward(.weight, accumulate: true),
      backward(.weightAndBias, inPlace: true), backward(.weight, parameters: false),
    ]
  }
}
