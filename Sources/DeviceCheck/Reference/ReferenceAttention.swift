import Device
import Foundation

/// Masked attention a head and a query at a time, straight from the formulas of ``Attention`` and
/// ``AttentionBackward``.
extension ReferenceDevice {
  public func attention(_ operation: Attention) {
    let shape = operation.shape
    let output = operation.output.reference()
    let value = operation.value.reference()
    forEachQuery(shape) { sequence, head, query in
      let row = sequence * shape.queryLength + query
      let scores = scores(operation, sequence: sequence, head: head, query: query)
      let weights = softmax(scores.values)
      for column in columns(of: head, shape) {
        var sum = Measured.zero
        for (weight, key) in zip(weights, scores.keys) {
          sum += weight * value[sequence * shape.keyLength + key, column]
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
    let (query, key, value) = (
      forward.query.reference(), forward.key.reference(), forward.value.reference()
    )
    let (output, outputGradient) = (forward.output.reference(), operation.outputGradient.reference())
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
    forEachQuery(shape) { sequence, head, position in
      let i = sequence * shape.queryLength + position
      let columns = columns(of: head, shape)
      let scores = scores(forward, sequence: sequence, head: head, query: position)
      let logSumExp =
        forward.logSumExp.numbers[(sequence * shape.heads + head) * shape.queryLength + position]
      var d = Measured.zero
      for c in columns { d += outputGradient[i, c] * output[i, c] }
      for (score, place) in zip(scores.values, scores.keys) {
        let j = sequence * shape.keyLength + place
        let p = exp(score - logSumExp)
        var dp = Measured.zero
        for c in columns { dp += outputGradient[i, c] * value[j, c] }
        let ds = p * (dp - d)
        for c in columns {
          dq[i, c] += scale * ds * key[j, c]
          dk[j, c] += scale * ds * query[i, c]
          dv[j, c] += p * outputGradient[i, c]
        }
      }
    }
  }

  /// `scale q·k` for each key that the query may see.
  private func scores(_ operation: Attention, sequence: Int, head: Int, query: Int)
    -> (keys: Range<Int>, values: [Measured])
  {
    let shape = operation.shape
    let row = sequence * shape.queryLength + query
    let (q, k) = (operation.query.reference(), operation.key.reference())
    let interval = operation.keyRanges.integers + 2 * row
    let keys = Int(interval[0])..<Int(interval[1])
    let values = keys.map { key in
      var sum = Measured.zero
      for column in columns(of: head, shape) {
        sum += q[row, column] * k[sequence * shape.keyLength + key, column]
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
