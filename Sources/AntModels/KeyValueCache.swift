import AntAutograd
import AntBatch
import AntDevice

/// The keys and values of everything some sequences have said so far, for generating on from there: a step
/// computes its new positions alone.
///
/// A layer's memory is `[sequences * capacity, columns]`: keys, values and, where attention looks at distances,
/// the keys' position scores, side by side; row `s * capacity + t` is position t of sequence s. All sequences
/// have the same length. Causal masks, after a prefix that sees itself both ways: what is stored never changes
/// when something is added.
public final class KeyValueCache {
  public private(set) var sequences: Int
  /// Positions there is room for.
  public let capacity: Int
  /// How many of the first positions see each other both ways.
  public let prefix: Int
  /// Positions stored so far.
  public fileprivate(set) var length = 0
  fileprivate private(set) var layers: [Matrix]
  private let device: any Device

  fileprivate init(
    sequences: Int, capacity: Int, prefix: Int, width: Int, layers: Int, on device: any Device
  ) {
    self.sequences = sequences
    self.capacity = capacity
    self.prefix = prefix
    self.device = device
    self.layers = (0..<layers).map { _ in
      let memory = device.makeMatrix(rows: sequences * capacity, columns: width)
      device.elementwise(Fill(memory.storage, with: 0))
      return memory
    }
  }

  /// Goes on with the sequences `rows` of those there are, in this order: one that is named twice is doubled, one
  /// that is not named is forgotten.
  ///
  /// - Parameter rows: at least one.
  public func select(_ rows: [Int]) {
    precondition(
      !rows.isEmpty && rows.allSatisfy((0..<sequences).contains),
      "KeyValueCache: rows \(rows) of \(sequences) sequences")
    if rows == Array(0..<sequences) { return }
    let ids = device.makeBuffer(rows.map { Int32($0) })[...]
    layers = layers.map { memory in
      // A sequence's memory is one row of a wider matrix; what is not used yet comes along, so that it stays finite.
      let width = capacity * memory.columns
      let selected = device.makeMatrix(rows: rows.count * capacity, columns: memory.columns)
      device.embedding(
        Embedding(
          Matrix(memory.storage, rows: sequences, columns: width), ids: ids,
          into: Matrix(selected.storage, rows: rows.count, columns: width)))
      return selected
    }
    sequences = rows.count
  }
}

extension Transformer {
  /// An empty cache for `sequences` sequences of up to `capacity` positions, the model's maximum unless told.
  ///
  /// - Parameter prefix: how many of the first positions see each other both ways; all of them are to come with
  ///   the first call of ``nextLogits(_:cache:)``.
  public func makeCache(sequences: Int, capacity: Int? = nil, prefix: Int = 0) -> KeyValueCache {
    KeyValueCache(
      sequences: sequences, capacity: min(capacity ?? maximumLength, maximumLength), prefix: prefix,
      width: 2 * configuration.architecture.hiddenSize + positionColumns,
      layers: configuration.architecture.layers, on: device)
  }

  /// Columns of the position scores of a row, all heads.
  private var positionColumns: Int {
    guard let distances else { return 0 }
    return configuration.architecture.heads * RelativePositions.pitch(buckets: distances.count)
  }

  /// Appends `ids` to the sequences of the cache and gives the logits after the last of them,
  /// `[sequences, vocabularySize]`.
  ///
  /// - Parameter ids: the same number of ids for each sequence, one sequence after another.
  /// - Throws: ``ModelError``, where the cache is full for example; the cache then is as before.
  public func nextLogits(_ ids: [Int32], cache: KeyValueCache) throws -> [Float] {
    let count = ids.count / cache.sequences
    precondition(
      ids.count == count * cache.sequences, "Transformer: \(ids.count) ids for \(cache.sequences) sequences")
    precondition(
      cache.length > 0 || count >= cache.prefix,
      "Transformer: a prefix of \(cache.prefix) begins with \(count) positions")
    let end = cache.length + count
    guard end <= cache.capacity else {
      throw ModelError.tooLong(length: end, maximum: cache.capacity)
    }
    // A mask as long as what is known so far, of which the new positions are the queries.
    let mask = AttentionMask(.prefix(cache.prefix), sequences: cache.sequences, length: end)
    let queries = cache.length..<end
    try validate(
      Batch(ids: ids, mask: AttentionMask(.causal, sequences: cache.sequences, length: count)))

    let architecture = configuration.architecture
    let width = architecture.hiddenSize
    let shape = attentionShape(batch: cache.sequences, queries: count, keys: cache.capacity)
    let keyRanges = device.makeBuffer(mask.keyRanges(queries: queries))[...]
    let buckets = distances.map {
      device.makeBuffer($0.table(queries: queries, keys: cache.capacity))[...]
    }
    let logSumExp = device.makeBuffer(.float32, count: ids.count * architecture.heads)[...]
    let tape = Tape(on: device, records: false)
    let x = stack(
      ids, positions: mask.positions(queries: queries), firstRow: 0, on: tape, dropout: .none
    ) { layer, queryKeyValue, projection in
      let memory = cache.layers[layer]
      let query = queryKeyValue.value.columns(0..<width)
      let scores = relativePositions(projection, buckets).map {
        shape.positionScores(
          query: query, key: queryKeyValue.value.columns(width..<2 * width), $0, tape.precision, on: device)
      }
      for sequence in 0..<cache.sequences {
        let first = sequence * cache.capacity + queries.lowerBound
        let stored = memory.rows(first..<first + count)
        let new = sequence * count..<(sequence + 1) * count
        device.elementwise(
          Copy(
            queryKeyValue.value.rows(new).columns(width..<3 * width), into: stored.columns(0..<2 * width)))
        if let scores {
          device.elementwise(
            Copy(scores.key.rows(new), into: stored.columns(2 * width..<stored.columns)))
        }
      }
      let context = device.makeMatrix(rows: ids.count, columns: width)
      device.attention(
        Attention(
          shape, query: query, key: memory.columns(0..<width), value: memory.columns(width..<2 * width),
          keyRanges: keyRanges,
          positions: scores.map {
            PositionScores(
              query: $0.query, key: memory.columns(2 * width..<memory.columns), buckets: $0.buckets,
              bucketCount: $0.bucketCount)
          },
          into: context, logSumExp: logSumExp, precision: tape.precision))
      return Tensor(context)
    }
    cache.length = end
    let last = (1...cache.sequences).map { Int32($0 * count - 1) }
    return try tape.logits(
      head(x, rows: last, on: tape, dropout: .none), weight: output.weight, bias: output.bias)
  }
}
