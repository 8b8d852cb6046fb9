import AntDevice

/// Where a training step sums its losses, and what each counts.
public struct LossSum {
  /// [0] takes the scaled sum of all losses; where there is more room, [1 + g] that of group g alone.
  public var storage: BufferSlice
  /// Multiplies every loss: usually 1 / (labels in the whole effective batch).
  public var scale: Float
  /// What the square of a log-sum-exp counts beside its loss, in the gradients alone (see ``AntDevice/CrossEntropy``).
  public var zLoss: Float

  /// - Parameter storage: at least one float on the device.
  public init(_ storage: BufferSlice, scale: Float, zLoss: Float = 0) {
    self.storage = storage
    self.scale = scale
    self.zLoss = zLoss
  }

  /// Whether the losses of groups are asked for.
  var hasGroups: Bool { storage.count > 1 }
}

/// The head of a language model: logits `x W^T [+ bias]` over the vocabulary and their cross-entropy, a chunk
/// of rows at a time, so that the logits of a whole batch never exist.
extension Tape {
  /// Rows whose logits are in memory at once: fixed by the vocabulary, so that every batch is cut the same
  /// way.
  func rowsPerChunk(vocabulary: Int) -> Int { max(1, logitsPerChunk / vocabulary) }

  /// Adds the scaled sum of weighted losses to `loss`, seeds the gradient of `hidden` and adds to the weight's.
  ///
  /// Each chunk's logits become their own gradient in place, and are used up before the next chunk.
  ///
  /// - Parameters:
  ///   - hidden: `[labels.count, width]`.
  ///   - weight: `[vocabulary, width]`, often the embedding table.
  ///   - labelWeights: what each label's loss counts; empty for 1 each.
  ///   - groups: labels whose losses are summed apart too, where `loss` has room for them.
  public func crossEntropy(
    _ hidden: Tensor, weight: Parameter, bias: Parameter? = nil, labels: [Int32], labelWeights: [Float] = [],
    groups: [Range<Int>] = [], into loss: LossSum
  ) {
    if labels.isEmpty { return }
    precondition(
      labelWeights.isEmpty || labelWeights.count == labels.count,
      "crossEntropy: \(labelWeights.count) weights for \(labels.count) labels")
    precondition(
      !loss.hasGroups || groups.count < loss.storage.count,
      "crossEntropy: \(groups.count) groups, room for \(loss.storage.count - 1)")
    let gradient = device.makeMatrix(
      rows: hidden.rows, columns: hidden.columns, room: hidden.value.room)
    let losses = forEachChunk(hidden, weight, bias, labels: labels, labelWeights: labelWeights, loss: loss) {
      [device, precision] range, logitsGradient in
      if let weightGradient = weight.gradient {
        device.matmul(
          Matmul(
            logitsGradient, transposed: true, hidden.value.rows(range), into: weightGradient,
            accumulate: true, precision: precision))
      }
      if let biasGradient = bias?.gradient {
        device.reduction(ColumnSum(logitsGradient, into: biasGradient.storage, accumulate: true))
      }
      device.matmul(Matmul(logitsGradient, weight.value, into: gradient.rows(range), precision: precision))
    }
    hidden.gradient.adopt(gradient, on: device)
    device.elementwise(Scale(losses, by: loss.scale, into: losses))
    device.reduction(Reduction(.sum, of: losses, into: loss.storage[0..<1], accumulate: true))
    guard loss.hasGroups else { return }
    for (number, group) in groups.enumerated() where !group.isEmpty {
      device.reduction(
        Reduction(.sum, of: losses[group], into: loss.storage[number + 1..<number + 2], accumulate: true))
    }
  }

  /// The loss of each row in nats, on the device; no gradient.
  public func losses(_ hidden: Tensor, weight: Parameter, bias: Parameter? = nil, labels: [Int32])
    -> BufferSlice
  {
    forEachChunk(hidden, weight, bias, labels: labels) { _, _ in }
  }

  /// The logits of each row on the host, `[rows, vocabulary]`.
  public func logits(_ hidden: Tensor, weight: Parameter, bias: Parameter? = nil) throws -> [Float] {
    let vocabulary = weight.value.rows
    let rowsPerChunk = min(self.rowsPerChunk(vocabulary: vocabulary), hidden.rows)
    if rowsPerChunk == 0 { return [] }
    let memory = device.makeMatrix(rows: rowsPerChunk, columns: vocabulary)
    var result = [Float](repeating: 0, count: hidden.rows * vocabulary)
    try result.withUnsafeMutableBytes { bytes in
      for start in stride(from: 0, to: hidden.rows, by: rowsPerChunk) {
        let range = start..<min(start + rowsPerChunk, hidden.rows)
        let logits = memory.rows(0..<range.count)
        device.matmul(
          Matmul(
            hidden.value.rows(range), transposed: false, weight.value, transposed: true, into: logits,
            bias: bias?.vector, precision: precision))
        let rowBytes = vocabulary * MemoryLayout<Float>.size
        let target = UnsafeMutableRawBufferPointer(
          rebasing: bytes[range.lowerBound * rowBytes..<range.upperBound * rowBytes])
        try device.read(logits.elements, into: target)
      }
    }
    return result
  }

  /// Computes logits and losses chunk by chunk; where there is a `loss`, the logits become their gradient before
  /// `body` sees them.
  private func forEachChunk(
    _ hidden: Tensor, _ weight: Parameter, _ bias: Parameter?, labels: [Int32], labelWeights: [Float] = [],
    loss: LossSum? = nil, _ body: (Range<Int>, Matrix) -> Void
  ) -> BufferSlice {
    precondition(hidden.rows == labels.count, "crossEntropy: \(hidden.rows) rows, \(labels.count) labels")
    let losses = device.makeBuffer(.float32, count: hidden.value.room)[0..<labels.count]
    if labels.isEmpty { return losses }
    let vocabulary = weight.value.rows
    let rowsPerChunk = min(self.rowsPerChunk(vocabulary: vocabulary), hidden.value.room)
    let labels = device.makeList(labels)
    let weights = labelWeights.isEmpty ? nil : device.makeList(labelWeights)
    let memory = device.makeMatrix(rows: rowsPerChunk, columns: vocabulary)
    for start in stride(from: 0, to: hidden.rows, by: rowsPerChunk) {
      let range = start..<min(start + rowsPerChunk, hidden.rows)
      let logits = memory.rows(0..<range.count)
      device.matmul(
        Matmul(
          hidden.value.rows(range), transposed: false, weight.value, transposed: true, into: logits,
          bias: bias?.vector, precision: precision))
      device.crossEntropy(
        CrossEntropy(
          logits, labels: labels[range], losses: losses[range], gradient: loss == nil ? nil : logits,
          scale: loss?.scale ?? 1, weights: weights?[range], zLoss: loss?.zLoss ?? 0))
      body(range, logits)
    }
    return losses
  }
}
