import AntDevice
import AntRandom

/// Attention with position scores, with dropout of its weights, and with both.
extension Conformance {
  static func termCases(_ shapes: [(AttentionShape, Sight)]) -> [ConformanceCase] {
    let some = shapes.enumerated().filter { $0.offset % 3 == 0 || $0.element.0.queryLength > 128 }
    return some.flatMap { index, place in
      let buckets = [1, 63, 7, 128][index / 3 % 4]
      let probability: Float = [0.1, 0.5][index / 3 % 2]
      return [
        Terms(buckets: buckets), Terms(probability: probability),
        Terms(buckets: buckets, probability: probability),
      ].flatMap { [forward(place.0, place.1, $0), backward(place.0, place.1, $0)] }
    }
  }

  /// What is added to plain attention.
  struct Terms: Sendable {
    /// 0 for no position scores.
    var buckets = 0
    /// 0 for no dropout.
    var probability: Float = 0

    var label: String {
      (buckets > 0 ? " \(buckets) buckets" : "") + (probability > 0 ? " p \(probability)" : "")
    }
  }

  static func positions(_ bench: Bench, _ shape: AttentionShape, buckets: Int) -> PositionScores {
    let columns = shape.heads * (buckets + 1)
    let places = shape.queryLength + shape.keyLength - 1
    return PositionScores(
      query: bench.input("a", shape.batch * shape.queryLength, columns, stride: columns + 2),
      key: bench.input("b", shape.batch * shape.keyLength, columns),
      buckets: bench.input(
        "buckets", (0..<places).map { _ in Int32(bench.generator.integer(0..<buckets)) }),
      bucketCount: buckets)
  }

  static func dropout(_ probability: Float) -> AttentionDropout {
    let stream = RandomStream(seed: 0xA5_1234_5678, purpose: .sampling, layer: 3, step: 17)
    return AttentionDropout(probability: probability, stream: stream, firstSequence: 5)
  }

  private static func forward(_ shape: AttentionShape, _ sight: Sight, _ terms: Terms) -> ConformanceCase {
    ConformanceCase(
      "attention", "attention", label(shape, sight) + terms.label, quick: isQuick(shape)
    ) { bench in bench.device.attention(attention(bench, shape, sight, terms)) }
  }

  private static func backward(_ shape: AttentionShape, _ sight: Sight, _ terms: Terms) -> ConformanceCase {
    ConformanceCase(
      "attention", "attention backward", label(shape, sight) + terms.label, quick: isQuick(shape)
    ) { bench in
      let operation = attention(bench, shape, sight, terms)
      bench.device.attention(operation)
      // The columns between the heads' buckets stay as they were, and are not the operation's to write.
      func gradient(_ name: String, of scores: Matrix) -> Matrix {
        bench.updated(name, scores.rows, scores.columns, stride: scores.columns + 1)
      }
      bench.device.attention(
        AttentionBackward(
          of: operation, outputGradient: bench.input("dO", operation.query.rows, shape.width),
          queryGradient: bench.output("dQ", operation.query.rows, shape.width),
          keyGradient: bench.output("dK", operation.key.rows, shape.width),
          valueGradient: bench.output("dV", operation.key.rows, shape.width),
          positionGradients: operation.positions.map {
            (gradient("da", of: $0.query), gradient("db", of: $0.key))
          }
        ))
    }
  }

  private static func attention(_ bench: Bench, _ shape: AttentionShape, _ sight: Sight, _ terms: Terms)
    -> Attention
  {
    let (queries, keys) = (shape.batch * shape.queryLength, shape.batch * shape.keyLength)
    return Attention(
      shape, query: bench.input("Q", queries, shape.width, stride: shape.width + 4),
      key: bench.input("K", keys, shape.width), value: bench.input("V", keys, shape.width),
      keyRanges: bench.input("key ranges", sight.keyRanges(shape, &bench.generator)),
      positions: terms.buckets > 0 ? positions(bench, shape, buckets: terms.buckets) : nil,
      dropout: terms.probability > 0 ? dropout(terms.probability) : nil,
      into: bench.output("O", queries, shape.width),
      logSumExp: bench.output("logSumExp", queries * shape.heads))
  }
}
