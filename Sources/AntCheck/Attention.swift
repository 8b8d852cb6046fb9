import AntBatch
import AntDevice

/// Attention forward and backward under every kind of mask, with keys of another length than the queries,
/// and with queries, keys and values cut from one matrix.
extension Conformance {
  static func attentionCases() -> [ConformanceCase] {
    var shapes: [(AttentionShape, Sight)] = []
    for (index, length) in awkwardSizes.enumerated() {
      for (place, sight) in Sight.allCases.enumerated() {
        let dimension = headDimensions[(index + place) % headDimensions.count]
        shapes.append((shape(1 + place % 2, 1 + (index + place) % 3, dimension, length, length), sight))
      }
    }
    for dimension in headDimensions + [2, 10, 93, 200, AttentionShape.maximumHeadDimension] {
      shapes.append((shape(2, 2, dimension, 5, 9), .random))
      shapes.append((shape(1, 2, dimension, 33, 33), .causal))
      shapes.append((shape(2, 3, dimension, 1, 40), .newest))
    }
    shapes += [
      (shape(1, 2, 64, 300, 300), .causal), (shape(1, 1, 64, 257, 257), .bidirectional),
      (shape(3, 2, 32, 7, 129), .newest), (shape(1, 4, 128, 64, 200), .random),
      (shape(2, 1, 16, 93, 31), .random),
    ]
    return shapes.flatMap { shape, sight in
      [
        forward(shape, sight), backward(shape, sight), fused(shape, sight), steep(shape, sight),
        poisoned(shape, sight),
      ].compactMap { $0 }
    } + termCases(shapes) + Precision.rounding.flatMap(roundedAttentionCases)
  }

  static let headDimensions = [8, 16, 32, 48, 64, 80, 96, 128]

  static func shape(_ batch: Int, _ heads: Int, _ dimension: Int, _ queries: Int, _ keys: Int)
    -> AttentionShape
  {
    AttentionShape(
      batch: batch, heads: heads, headDimension: dimension, queryLength: queries, keyLength: keys,
      scale: 1 / Float(dimension).squareRoot())
  }

  /// What the queries may see.
  enum Sight: String, CaseIterable {
    case causal, bidirectional, prefix, documents, padding, random
    /// The queries are the newest positions, the keys a cache: causal.
    case newest
    /// Each query sees one key.
    case single

    func keyRanges(_ shape: AttentionShape, _ generator: inout Generator) -> [Int32] {
      let (queries, keys) = (shape.queryLength, shape.keyLength)
      let all = Array(repeating: keys, count: shape.batch)
      let newest = max(keys - queries, 0)..<keys
      switch self {
      case .causal: return AttentionMask(.causal, lengths: all, length: keys).keyRanges()
      case .bidirectional: return AttentionMask(.bidirectional, lengths: all, length: keys).keyRanges()
      case .prefix: return AttentionMask(.prefix(1 + keys / 3), lengths: all, length: keys).keyRanges()
      case .newest: return AttentionMask(.causal, lengths: all, length: keys).keyRanges(queries: newest)
      case .padding:
        let lengths = (0..<shape.batch).map { $0 == 0 ? keys * 2 / 3 : keys - keys / 5 }
        return AttentionMask(.bidirectional, lengths: lengths, length: keys).keyRanges()
      case .documents:
        let documents = (0..<shape.batch).map { sequence in
          let cut = (keys + sequence) / 3
          return [0..<cut, cut..<max(cut, keys - 1)]
        }
        return AttentionMask(.causal, documents: documents, length: keys).keyRanges()
      case .single:
        return (0..<shape.batch * queries).flatMap { row in
          let key = Int32(row % queries % keys)
          return [key, key + 1]
        }
      case .random:
        return (0..<shape.batch * queries).flatMap { _ in
          let (one, other) = (generator.integer(0..<keys + 1), generator.integer(0..<keys + 1))
          return [Int32(min(one, other)), Int32(max(one, other))]
        }
      }
    }
  }

  static func label(_ shape: AttentionShape, _ sight: Sight) -> String {
    "\(shape.batch)x\(shape.heads)x\(shape.headDimension) \(shape.queryLength) of \(shape.keyLength) "
      + sight.rawValue
  }

  static func isQuick(_ shape: AttentionShape) -> Bool {
    shape.batch * shape.heads * shape.headDimension * shape.queryLength * shape.keyLength <= 12_000
  }

  private static func forward(_ shape: AttentionShape, _ sight: Sight) -> ConformanceCase {
    ConformanceCase("attention", "attention", label(shape, sight), quick: isQuick(shape)) { bench in
      let operation = attention(bench, shape, sight)
      bench.device.attention(operation)
    }
  }

  private static func backward(_ shape: AttentionShape, _ sight: Sight) -> ConformanceCase {
    ConformanceCase("attention", "attention backward", label(shape, sight), quick: isQuick(shape)) { bench in
      let operation = attention(bench, shape, sight)
      bench.device.attention(operation)
      let (queries, keys) = (operation.query.rows, operation.key.rows)
      bench.device.attention(
        AttentionBackward(
          of: operation, outputGradient: bench.input("dO", queries, shape.width, stride: shape.width + 3),
          queryGradient: bench.output("dQ", queries, shape.width),
          keyGradient: bench.output("dK", keys, shape.width, stride: shape.width + 1),
          valueGradient: bench.output("dV", keys, shape.width)))
    }
  }

  private static func attention(
    _ bench: Bench, _ shape: AttentionShape, _ sight: Sight, deviation: Float = 1
  ) -> Attention {
    let (queries, keys) = (shape.batch * shape.queryLength, shape.batch * shape.keyLength)
    let ranges = sight.keyRanges(shape, &bench.generator)
    return Attention(
      shape, query: bench.input("Q", queries, shape.width, .normal(deviation)),
      key: bench.input("K", keys, shape.width, stride: shape.width + 5, .normal(deviation)),
      value: bench.input("V", keys, shape.width), keyRanges: bench.input("key ranges", ranges),
      into: bench.output("O", queries, shape.width, stride: shape.width + 2),
      logSumExp: bench.output("logSumExp", queries * shape.heads))
  }

  /// Queries, keys, values and their gradients as blocks of columns of one matrix, as a fused projection
  /// gives them.
  private static func fused(_ shape: AttentionShape, _ sight: Sight) -> ConformanceCase? {
    guard shape.queryLength == shape.keyLength, shape.queryLength % 2 == 1 else { return nil }
    return ConformanceCase(
      "attention", "attention backward", label(shape, sight) + " fused", quick: isQuick(shape)
    ) { bench in
      let (rows, width) = (shape.batch * shape.queryLength, shape.width)
      let qkv = bench.input("QKV", rows, 3 * width)
      let gradient = bench.output("dQKV", rows, 3 * width)
      let operation = Attention(
        shape, query: qkv.columns(0..<width), key: qkv.columns(width..<2 * width),
        value: qkv.columns(2 * width..<3 * width),
        keyRanges: bench.input("key ranges", sight.keyRanges(shape, &bench.generator)),
        into: bench.output("O", rows, width), logSumExp: bench.output("logSumExp", rows * shape.heads))
      bench.device.attention(operation)
      bench.device.attention(
        AttentionBackward(
          of: operation, outputGradient: bench.input("dO", rows, width),
          queryGradient: gradient.columns(0..<width), keyGradient: gradient.columns(width..<2 * width),
          valueGradient: gradient.columns(2 * width..<3 * width)))
    }
  }

  /// Scores far apart, where exp without the row's maximum would overflow (scale q·k of some +-100).
  private static func steep(_ shape: AttentionShape, _ sight: Sight) -> ConformanceCase? {
    guard shape.keyLength % 4 == 1 else { return nil }
    return ConformanceCase(
      "attention", "attention", label(shape, sight) + " steep", quick: isQuick(shape)
    ) { bench in bench.device.attention(attention(bench, shape, sight, deviation: 5)) }
  }

  /// A query that is not a number: its row of the result is none either, and the other rows are as they were.
  private static func poisoned(_ shape: AttentionShape, _ sight: Sight) -> ConformanceCase? {
    guard shape.queryLength % 4 == 1, sight != .random else { return nil }
    return ConformanceCase(
      "attention", "attention", label(shape, sight) + " with a NaN", quick: isQuick(shape)
    ) { bench in
      let rows = shape.batch * shape.queryLength
      var query = (0..<rows * shape.width).map { _ in Values.normal().next(&bench.generator) }
      query[rows / 2 * shape.width] = .nan
      var operation = attention(bench, shape, sight)
      operation = Attention(
        shape, query: Matrix(bench.input("Q with a NaN", query), rows: rows, columns: shape.width),
        key: operation.key, value: operation.value, keyRanges: operation.keyRanges, into: operation.output,
        logSumExp: operation.logSumExp)
      bench.device.attention(operation)
    }
  }
}
