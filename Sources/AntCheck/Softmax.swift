import AntDevice

/// Softmax of rows, forward and backward: scaled, in place, strided, with hidden elements and hidden rows.
extension Conformance {
  static func softmaxCases() -> [ConformanceCase] {
    rowShapes.enumerated().flatMap { index, shape in
      softmax(shape, gap: index % 3, scale: index % 2 == 0 ? 1 : 0.125)
    }
  }

  /// Rows and columns for the operations that work on rows.
  static let rowShapes: [(rows: Int, columns: Int)] =
    awkwardSizes.enumerated().map { ($1, awkwardSizes[(3 * $0 + 4) % awkwardSizes.count]) } + [
      (1, 1), (3, 2), (1, 4099), (5, 1000), (300, 33), (1030, 17), (65, 768),
    ]

  /// Small enough for a simulator.
  static func isQuick(_ shape: (rows: Int, columns: Int)) -> Bool { shape.rows * shape.columns <= 3000 }

  private static func softmax(_ shape: (rows: Int, columns: Int), gap: Int, scale: Float)
    -> [ConformanceCase]
  {
    let (rows, columns) = shape
    let stride = columns + gap
    func forward(_ kind: String, _ values: Values, scale: Float) -> ConformanceCase {
      ConformanceCase(
        "softmax", "softmax", "\(rows)x\(columns) \(kind) scale \(scale)", quick: isQuick(shape)
      ) { bench in
        let x = bench.input("x", rows, columns, stride: stride, values)
        let y = bench.output("y", rows, columns, stride: columns + 2 * gap)
        bench.device.softmax(Softmax(x, scale: scale, into: y))
      }
    }
    return [
      forward("", .normal(3), scale: scale),
      forward("large", .uniform(-1e4..<1e4), scale: 1),
      forward("some hidden", .oneOf([0.5, -2, 1, -.infinity]), scale: 1),
      forward("all hidden", .constant(-.infinity), scale: 1),
      ConformanceCase("softmax", "softmax", "\(rows)x\(columns) in place", quick: isQuick(shape)) { bench in
        let x = bench.updated("x", rows, columns, stride: stride)
        bench.device.softmax(Softmax(x, scale: scale, into: x))
      },
      ConformanceCase("softmax", "softmax backward", "\(rows)x\(columns)", quick: isQuick(shape)) { bench in
        let y = bench.input("y", rows, columns, stride: stride, .uniform(0..<0.1))
        let dy = bench.input("dy", rows, columns, stride: stride + 1)
        let dx = bench.output("dx", rows, columns)
        bench.device.softmax(SoftmaxBackward(output: y, outputGradient: dy, scale: scale, into: dx))
      },
      ConformanceCase("softmax", "softmax backward", "\(rows)x\(columns) in place", quick: isQuick(shape)) {
        bench in
        let y = bench.input("y", rows, columns, .uniform(0..<0.1))
        let dy = bench.updated("dy", rows, columns, stride: stride)
        bench.device.softmax(SoftmaxBackward(output: y, outputGradient: dy, scale: scale, into: dy))
      },
    ]
  }
}
