import AntDevice
import Foundation

/// Masked attention a head and a query at a time, straight from the formulas of ``Attention`` and
/// ``AttentionBackward``; Q, K, V and dO are rounded beforehand, and nothing else.
extension ReferenceDevice {
  func compute(_ operation: Attention) {
    let shape = operation.shape
    let output = operation.output.reference()
    let operands = RoundedOperands(operation)
    let value = operands.value
    forEachQuery(shape) { sequence, head, query in
      let row = sequence * shape.queryLength + query
      let scores = scores(operation, operands, sequence: sequence, head: head, query: query)
      let weights = softmax(scores.values)
      let kept = scores.keys.map { keeps(operation, sequence, head, query, $0) }
      for column in columns(of: head, shape) {
        var sum = Measured.zero
        for ((weight, key), kept) in zip(zip(weights, scores.keys), kept) where kept > 0 {
          sum += kept * weight * value[sequence * shape.keyLength + key, column]
        }
        output[row, column] = sum
      }
      operation.logSumExp.numbers[(sequence * shape.heads + head) * shape.queryLength + query] =
        logSumExp(scores.values)
    }
  }

  public func attention(_ operation: AttentionBackward) {
    let forward = operation.forward
    let shape = forward.shape
    let scale = Double(shape.scale)
    let operands = RoundedOperands(forward)
    let (query, key, value) = (operands.query, operands.key, operands.value)
    let output = forward.output.reference()
    let outputGradient = RoundedRows(operation.outputGradient, forward.precision)
    let (dq, dk, dv) = (
      operation.queryGradient.reference(), operation.keyGradient.reference(),
      operation.valueGradient.reference()
    )
    for column in 0..<shape.width {
      for row in 0..<shape.batch * shape.queryLength { dq[row, column] = .zero }
      for row in 0..<shape.batch * shape.keyLength {
        dk[row, column] = .zero
        dv[row, column] = .zero
      }
    }
    let positionGradients = operation.positionGradients.map { ($0.query.reference(), $0.key.reference()) }
    if let (da, db) = positionGradients, let positions = forward.positions {
      let columns = (0..<shape.heads).flatMap { head in
        (0..<positions.bucketCount).map { head * positions.pitch(heads: shape.heads) + $0 }
      }
      for column in columns {
        for row in 0..<positions.query.rows { da[row, column] = .zero }
        for row in 0..<positions.key.rows { db[row, column] = .zero }
      }
    }
    forEachQuery(shape) { sequence, head, position in
      let i = sequence * shape.queryLength + position
      let columns = columns(of: head, shape)
      let scores = scores(forward, operands, sequence: sequence, head: head, query: position)
      let logSumExp =
        forward.logSumExp.numbers[(sequence * shape.heads + head) * shape.queryLength + position]
      var d = Measured.zero
      for c in columns { d += outputGradient[i, c] * output[i, c] }
      for (score, place) in zip(scores.values, scores.keys) {
        let j = sequence * shape.keyLength + place
        let p = exp(score - logSumExp)
        let kept = keeps(forward, sequence, head, position, place)
        var dp = Measured.zero
        if kept > 0 { for c in columns { dp += kept * outputGradient[i, c] * value[j, c] } }
        let ds = p * (dp - d)
        for c in columns {
          dq[i, c] += scale * ds * key[j, c]
          dk[j, c] += scale * ds * query[i, c]
          if kept > 0 { dv[j, c] += kept * p * outputGradient[i, c] }
        }
        if let (da, db) = positionGradients, let positions = forward.positions {
          let column = column(positions, shape, head: head, query: position, key: place)
          da[i, column] += scale * ds
          db[j, column] += scale * ds
        }
      }
    }
  }

  /// What dropout multiplies the weight of a pair by.
  private func keeps(_ operation: Attention, _ sequence: Int, _ head: Int, _ query: Int, _ key: Int) -> Double
  {
    guard let dropout = operation.dropout else { return 1 }
    let element = AttentionDropout.element(
      sequence: dropout.firstSequence + sequence, heads: operation.shape.heads, head: head, query: query,
      key: key)
    return dropout.stream.uniform(element) >= dropout.probability ? 1 / (1 - Double(dropout.probability)) : 0
  }

  /// Where a pair's distance lies among the position scores.
  private func column(_ positions: PositionScores, _ shape: AttentionShape, head: Int, query: Int, key: Int)
    -> Int
  {
    head * positions.pitch(heads: shape.heads)
      + Int(positions.buckets.integers[query - key + shape.keyLength - 1])
  }

  /// `s_ij` for each key that the query may see.
  private func scores(
    _ operation: Attention, _ operands: RoundedOperands, sequence: Int, head: Int, query: Int
  ) -> (keys: Range<Int>, values: [Measured]) {
    let shape = operation.shape
    let row = sequence * shape.queryLength + query
    let (q, k) = (operands.query, operands.key)
    let interval = operation.keyRanges.integers + 2 * row
    let keys = Int(interval[0])..<Int(interval[1])
    let values = keys.map { key in
      var sum = Measured.zero
      for column in columns(of: head, shape) {
        sum += q[row, column] * k[sequence * shape.keyLength + key, column]
      }
      if let positions = operation.positions {
        let column = column(positions, shape, head: head, query: query, key: key)
        sum += positions.query.reference()[row, column]
        sum += positions.key.reference()[sequence * shape.keyLength + key, column]
      }
      return Double(shape.scale) * sum
    }
    return (keys, values)
  }

  private func logSumExp(_ scores: [Measured]) -> Measured {
    guard let largest = scores.max(by: { $0.value < $1.value }) else {
      return Measured(-Double.infinity)
    }
    let sum = scores.map { exp($0 - largest) }.reduce(.zero, +)
    return Measured(log(sum.value)) + largest
  }

  private func columns(of head: Int, _ shape: AttentionShape) -> Range<Int> {
    head * shape.headDimension..<(head + 1) * shape.headDimension
  }

  private func forEachQuery(
    _ shape: AttentionShape, _ body: (_ sequence: Int, _ head: Int, _ query: Int) -> Void
  ) {
    for sequence in 0..<shape.batch {
      for head in 0..<shape.heads {
        for query in 0..<shape.queryLength { body(sequence, head, query) }
      }
    }
  }
}

/// A copy of a matrix in another precision.
private struct RoundedRows {
  private let numbers: [Measured]
  private let columns: Int

  init(_ matrix: Matrix, _ precision: Precision) {
    let rows = matrix.reference()
    columns = matrix.columns
    numbers = (0..<matrix.rows).flatMap { rows.row($0).map(precision.rounded) }
  }

  subscript(row: Int, column: Int) -> Measured { numbers[row * columns + column] }
}

private struct RoundedOperands {
  let query, key, value: RoundedRows

  init(_ operation: Attention) {
    func rounded(_ matrix: Matrix) -> RoundedRows { RoundedRows(matrix, operation.precision) }
    (query, key, value) = (rounded(operation.query), rounded(operation.key), rounded(operation.value))
  }
}
