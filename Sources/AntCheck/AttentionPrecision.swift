import AntDevice

/// Attention in tf32 and bfloat16.
///
/// The reference rounds Q, K, V and dO. Weights and the gradients of scores may be rounded once more as they
/// enter a product, each by at most 2^-11 or 2^-8 of itself, and a sum over them then is off by no more than
/// that part of the sum of its terms' sizes: ``attentionTolerance(_:)``. No such rounding comes before the
/// log-sum-exp, nor where a query sees one key and its weight is 1: these are held to what products are.
extension Conformance {
  /// Relative error allowed in the results of attention.
  static func attentionTolerance(_ precision: Precision) -> Double {
    switch precision {
    case .float32: tolerance
    case .tf32: 5e-4
    case .bfloat16: 4e-3
    }
  }

  /// Heads that matrix units take, and one that they do not.
  private static let roundedHeadDimensions = [64, 32, 96, 128, 40]

  static func roundedAttentionCases(_ precision: Precision) -> [ConformanceCase] {
    var shapes: [(AttentionShape, Sight)] = []
    for (index, length) in (awkwardSizes + [200]).enumerated() {
      for (place, sight) in Sight.allCases.enumerated() {
        let dimension = roundedHeadDimensions[(index + place) % roundedHeadDimensions.count]
        shapes.append((shape(1 + place % 2, 1 + index % 2, dimension, length, length), sight))
      }
    }
    for dimension in roundedHeadDimensions {
      shapes += [
        (shape(1, 1, dimension, 7, 7), .causal), (shape(1, 2, dimension, 1, 40), .newest),
        (shape(2, 1, dimension, 33, 100), .newest), (shape(1, 1, dimension, 70, 150), .random),
        (shape(1, 2, dimension, 150, 70), .random),
      ]
    }
    let plain = shapes.enumerated().flatMap { index, place in
      [false, true].map { backward in
        rounded(
          precision, place.0, place.1, gap: index % 2 == 0 ? 4 : 3,
          terms: index % 11 == 5 ? Terms(buckets: 7, probability: 0.1) : Terms(), backward: backward)
      }
    }
    // Above 128 positions warps own more rows, of heads with 32 words.
    let long = [32, 64].flatMap { dimension in
      [
        (shape(1, 1, dimension, 190, 190), Sight.causal), (shape(1, 2, dimension, 150, 200), .random),
        (shape(1, 1, dimension, 260, 140), .random),
      ].map { rounded(precision, $0, $1, gap: 4, backward: true) }
    }
    let roundings = Values.roundings(to: precision).flatMap { note, values in
      roundedHeadDimensions.flatMap { dimension in
        [
          (1, 3, 3, Sight.bidirectional), (2, 19, 33, .random), (2, 70, 70, .single), (1, 3, 3, .single),
        ].map { heads, queries, keys, sight in
          rounded(
            precision, shape(1, heads, dimension, queries, keys), sight, gap: 4, values: values, note: note,
            backward: sight != .bidirectional)
        }
      }
    }
    return plain + long + roundedTermCases(precision) + roundings
  }

  /// Position scores, dropout and both, which matrix units take as well: a tile and several, keys that begin
  /// anywhere in a block of draws, and rows and keys that fill no tile. Heads of 64 get all three everywhere.
  private static func roundedTermCases(_ precision: Precision) -> [ConformanceCase] {
    let wide = [(64, 63), (32, 128), (96, 7), (128, 63)].flatMap { dimension, buckets in
      [
        (shape(1, 2, dimension, 61, 61), Sight.causal), (shape(2, 1, dimension, 93, 93), .bidirectional),
        (shape(1, 1, dimension, 77, 77), .prefix), (shape(2, 2, dimension, 45, 45), .documents),
        (shape(2, 1, dimension, 33, 100), .newest), (shape(1, 2, dimension, 70, 151), .random),
        (shape(1, 2, dimension, 150, 71), .random),
      ].enumerated().flatMap { index, place in
        let all = [
          Terms(buckets: buckets, probability: 0.1), Terms(buckets: buckets), Terms(probability: 0.1),
        ]
        return (dimension == 64 ? all : [all[index % all.count]]).map { (place, $0) }
      }
    }
    let small = [
      ((shape(1, 1, 32, 7, 7), Sight.causal), Terms(buckets: 7, probability: 0.5)),
      ((shape(1, 1, 32, 5, 9), .random), Terms(buckets: 7, probability: 0.5)),
    ]
    return (wide + small).map { place, terms in
      rounded(
        precision, place.0, place.1, gap: place.0.headDimension < 96 ? 4 : 3, terms: terms, backward: true)
    }
  }

  /// - Parameters:
  ///   - gap: floats between two rows of a matrix; where it is a multiple of four, all of its rows are aligned.
  ///   - note: what is special about the values, which are normal otherwise.
  private static func rounded(
    _ precision: Precision, _ shape: AttentionShape, _ sight: Sight, gap: Int, terms: Terms = Terms(),
    values: Values = .normal(), note: String = "", backward: Bool
  ) -> ConformanceCase {
    let text =
      label(shape, sight) + (gap % 4 > 0 ? " unaligned" : "") + terms.label
      + (note.isEmpty ? "" : " \(note)")
    return ConformanceCase(
      "attention",
      "attention \(precision.rawValue)" + (note.isEmpty ? (backward ? " backward" : "") : " rounding"), text,
      // A simulator works through whole tiles, whatever is in them, of every head.
      quick: isQuick(shape) && shape.batch * shape.heads == 1 && shape.headDimension <= 40
        && shape.queryLength <= (backward ? 16 : 7)
    ) { bench in
      let (queries, keys) = (shape.batch * shape.queryLength, shape.batch * shape.keyLength)
      // Dropout makes of a weight of 1 one that may be rounded.
      let isExact = sight == .single && terms.probability == 0
      let tolerance = isExact ? productTolerance(precision) : attentionTolerance(precision)
      let offset = gap % 4 == 0 ? 64 : nil
      func input(_ name: String, _ rows: Int) -> Matrix {
        bench.input(name, rows, shape.width, stride: shape.width + gap, values, offset: offset)
      }
      func output(_ name: String, _ rows: Int) -> Matrix {
        bench.output(name, rows, shape.width, stride: shape.width + gap, tolerance: tolerance, offset: offset)
      }
      let operation = Attention(
        shape, query: input("Q", queries), key: input("K", keys), value: input("V", keys),
        keyRanges: bench.input("key ranges", sight.keyRanges(shape, &bench.generator)),
        positions: terms.buckets > 0 ? positions(bench, shape, buckets: terms.buckets) : nil,
        dropout: terms.probability > 0 ? dropout(terms.probability) : nil, into: output("O", queries),
        logSumExp: bench.output("logSumExp", queries * shape.heads, tolerance: productTolerance(precision)),
        precision: precision)
      bench.device.attention(operation)
      guard backward else { return }
      func gradient(_ name: String, of scores: Matrix) -> Matrix {
        bench.updated(name, scores.rows, scores.columns, tolerance: tolerance)
      }
      bench.device.attention(
        AttentionBackward(
          of: operation, outputGradient: input("dO", queries), queryGradient: output("dQ", queries),
          keyGradient: output("dK", keys), valueGradient: output("dV", keys),
          positionGradients: operation.positions.map {
            (gradient("da", of: $0.query), gradient("db", of: $0.key))
          }))
    }
  }
}
