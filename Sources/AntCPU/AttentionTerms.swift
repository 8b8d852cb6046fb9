import AntDevice
import AntRandom

/// Position scores of one head of one sequence, and their gradients (see ``AntDevice/PositionScores``). Pairs are
/// taken one by one: what is picked lies wherever the pair's bucket says.
struct HeadPositions {
  private let query, key: HeadRows
  private let queryGradient, keyGradient: HeadRows?
  private let buckets: UnsafePointer<Int32>
  private let scale: Float

  /// Nil where the operation has none.
  init?(_ operation: Attention, gradients: (query: Matrix, key: Matrix)? = nil, batch: Int, head: Int) {
    guard let positions = operation.positions else { return nil }
    let shape = operation.shape
    func rows(_ matrix: Matrix, _ length: Int) -> HeadRows {
      HeadRows(
        matrix, batch: batch, column: head * positions.pitch(heads: shape.heads), length: length,
        dimension: positions.bucketCount)
    }
    query = rows(positions.query, shape.queryLength)
    key = rows(positions.key, shape.keyLength)
    queryGradient = gradients.map { rows($0.query, shape.queryLength) }
    keyGradient = gradients.map { rows($0.key, shape.keyLength) }
    buckets = positions.buckets.integers + (shape.keyLength - 1)
    scale = shape.scale
  }

  /// `scale (a + b)` of one pair.
  func score(query i: Int, key j: Int) -> Float {
    let bucket = Int(buckets[i &- j])
    return scale * (query[i][bucket] + key[j][bucket])
  }

  /// Adds to scores whose rows are keys and whose columns queries.
  func add(queries: Range<Int>, keys: Range<Int>, toKeyRows scores: Floats) {
    for j in keys {
      let row = scores + (j &- keys.lowerBound) &* AttentionTile.columns
      for i in queries { row[i &- queries.lowerBound] += score(query: i, key: j) }
    }
  }

  /// Adds to scores whose rows are queries and whose columns keys.
  func add(queries: Range<Int>, keys: Range<Int>, toQueryRows scores: Floats) {
    for i in queries {
      let row = scores + (i &- queries.lowerBound) &* AttentionTile.columns
      for j in keys { row[j &- keys.lowerBound] += score(query: i, key: j) }
    }
  }

  /// Empties the gradients.
  func clearGradients() {
    for rows in [queryGradient, keyGradient] {
      guard let rows else { continue }
      for row in 0..<rows.count { rows[row].update(repeating: 0, count: rows.dimension) }
    }
  }

  /// Adds the gradients of scores, rows queries and columns keys, to those of what was picked.
  func addGradients(_ gradients: Floats, queries: Range<Int>, keys: Range<Int>) {
    guard let queryGradient, let keyGradient else { return }
    for i in queries {
      let row = gradients + (i &- queries.lowerBound) &* AttentionTile.columns
      let own = queryGradient[i]
      for j in keys {
        let bucket = Int(buckets[i &- j])
        let gradient = scale * row[j &- keys.lowerBound]
        own[bucket] += gradient
        keyGradient[j][bucket] += gradient
      }
    }
  }
}

/// What dropout multiplies the weights of one head of one sequence by (see ``AntDevice/AttentionDropout``).
struct HeadDropout {
  private let stream: RandomStream
  private let threshold: Int32
  private let factor: Float
  private let firstElement: UInt64

  /// Nil where the operation has none.
  init?(_ operation: Attention, batch: Int, head: Int) {
    guard let dropout = operation.dropout else { return nil }
    stream = dropout.stream
    threshold = dropThreshold(dropout.probability)
    factor = dropout.factor
    firstElement = AttentionDropout.element(
      sequence: dropout.firstSequence + batch, heads: operation.shape.heads, head: head, query: 0, key: 0)
  }

  /// Multiplies `weights[j * step]` by what becomes of the weight of the query and the j-th of `keys`.
  func apply(query: Int, keys: Range<Int>, to weights: Floats, step: Int) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: drawnElements) { words in
      let words = words.baseAddress!
      var key = keys.lowerBound
      while key < keys.upperBound {
        let first = key / drawnElements * drawnElements
        let end = min(first + drawnElements, keys.upperBound)
        let element = firstElement + UInt64(query << AttentionDropout.keyBits + first)
        draw(stream, firstBlock: element / 4, into: words)
        while key < end {
          let isKept = Int32(words[key &- first] &>> 8) >= threshold
          weights[(key &- keys.lowerBound) &* step] *= isKept ? factor : 0
          key &+= 1
        }
      }
    }
  }
}
