import AntDevice

/// RMS and layer norm, affine or not, of rows and of the heads in a row, forward and backward.
extension Conformance {
  static func normalizationCases() -> [ConformanceCase] {
    [Normalization.Kind.rms, .layer].flatMap { kind in
      rowShapes.enumerated().flatMap { index, shape in
        forward(kind, shape, gap: index % 3) + backward(kind, shape, gap: (index + 1) % 3)
      } + awkwardSizes.enumerated().flatMap { heads(kind, rows: $1, number: $0) }
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

  /// Every part of a row for itself, between columns that stay.
  private static func heads(_ kind: Normalization.Kind, rows: Int, number: Int) -> [ConformanceCase] {
    let heads = 2 + number % 4
    let dimensions = [2, 6, 8, 16, 32, 64, 80, 129]
    let dimension = dimensions[number % dimensions.count]
    let (columns, stride) = (heads * dimension, heads * dimension + number % 3 * dimension)
    func of(
      _ operation: String, _ label: String,
      _ body: @escaping @Sendable (Bench, _ weight: BufferSlice?) -> Void
    ) -> ConformanceCase {
      let hasWeight = label.contains("weight")
      return ConformanceCase(
        "normalization", operation, "\(rows) x \(heads) heads of \(dimension) \(label)",
        quick: isQuick((rows, columns))
      ) { bench in body(bench, hasWeight ? bench.input("weight", dimension, .sizeable) : nil) }
    }
    func forward(_ label: String) -> ConformanceCase {
      of("\(kind) norm", label) { bench, weight in
        let x =
          label.contains("in place")
          ? bench.updated("x", rows, columns, stride: stride, .normal(2, around: 0.5))
          : bench.input("x", rows, columns, stride: stride, .normal(2, around: 0.5))
        bench.device.normalization(
          Normalization(
            kind, x, weight: weight, epsilon: 1e-5, heads: heads,
            into: label.contains("in place")
              ? x : bench.output("y", rows, columns, stride: stride + dimension)))
      }
    }
    func backward(_ label: String) -> ConformanceCase {
      of("\(kind) norm backward", label) { bench, weight in
        let inPlace = label.contains("in place")
        let x = bench.input("x", rows, columns, stride: stride, .normal(2, around: 0.5))
        let dy =
          inPlace
          ? bench.updated("dy", rows, columns, stride: stride) : bench.input("dy", rows, columns)
        bench.device.normalization(
          NormalizationBackward(
            kind, input: x, weight: weight, epsilon: 1e-5, heads: heads, outputGradient: dy,
            inputGradient: inPlace ? dy : bench.updated("dx", rows, columns, stride: stride + dimension),
            accumulate: !inPlace, weightGradient: weight.map { _ in bench.updated("dweight", dimension) }))
      }
    }
    return [
      forward("weight"), forward("plain in place"), backward("weight in place"),
      backward("weight accumulate"),
      backward("plain accumulate"),
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
