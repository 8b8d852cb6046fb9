import AntDevice

/// Embedding rows, and gradients gathered back with repeated ids.
extension Conformance {
  static func embeddingCases() -> [ConformanceCase] {
    rowShapes.enumerated().flatMap { index, shape in
      [(shape.rows + 3) * 2, 2 + shape.rows / 7, 1].flatMap { vocabulary in
        embedding(shape, vocabulary: vocabulary, gap: index % 3)
      }
    }
  }

  private static func embedding(_ shape: (rows: Int, columns: Int), vocabulary: Int, gap: Int)
    -> [ConformanceCase]
  {
    let (rows, columns) = shape
    let label = "\(rows)x\(columns) of \(vocabulary)"
    @Sendable func ids(_ bench: Bench) -> [Int32] {
      (0..<rows).map { _ in Int32(bench.generator.integer(0..<vocabulary)) }
    }
    return [
      ConformanceCase("embedding", "embedding", label, quick: isQuick(shape)) { bench in
        bench.device.embedding(
          Embedding(
            bench.input("table", vocabulary, columns, stride: columns + gap),
            ids: bench.input("ids", ids(bench)),
            into: bench.output("y", rows, columns, stride: columns + 2 * gap, tolerance: 0)))
      },
      ConformanceCase("embedding", "embedding backward", label, quick: isQuick(shape)) { bench in
        bench.device.embedding(
          EmbeddingBackward(
            outputGradient: bench.input("dy", rows, columns, stride: columns + gap),
            rows: EmbeddingRows(ids(bench), on: bench.device),
            into: bench.updated("dtable", vocabulary, columns, stride: columns + 2 * gap)))
      },
    ]
  }
}
