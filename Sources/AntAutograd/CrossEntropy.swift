import AntDevice

/// The head of a language model: logits `x W^T [+ bias]` over the vocabulary and their cross-entropy, a chunk
/// of rows at a time, so that the logits of a whole batch never exist.
extension Tape {
  /// Rows whose logits are in memory at once: fixed by the vocabulary, so that every batch is cut the same
  /// way.
  func rowsPerChunk(vocabulary: Int) -> Int { max(1, logitsPerChunk / vocabulary) }

  /// Adds `scale * sum of losses` to `loss[0]`, seeds the gradient of `hidden` and adds to the weight's.
  ///
  /// Each chunk's logits become their own gradient in place, and are used up before the next chunk.
  ///
  /// - Parameters:
  ///   - hidden: `[labels.count, width]`.
  ///   - weight: `[vocabulary, width]`, often the embedding table.
  ///   - scale: usually 1 / (labels in the whole effective batch).
  public func crossEntropy(
    _ hidden: Tensor, weight: Parameter, bias: Parameter? = nil, labels: [Int32], scale: Float,
    loss: BufferSlice
  ) {
    if labels.isEmpty { return }
    let gradient = device.makeMatrix(
      rows: hidden.rows, columns: hidden.columns, room: hidden.value.room)
    let losses = forEachChunk(hidden, weight, bias, labels: labels, scale: scale, inPlace: true) {
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
    device.elementwise(Scale(losses, by: scale, into: losses))
    device.reduction(Reduction(.sum, of: losses, into: loss, accumulate: true))
  }

  /// The loss of each row in nats, on the device; no gradient.
  public func losses(_ hidden: Tensor, weight: Parameter, bias: Parameter? = nil, labels: [Int32])
    -> BufferSlice
  {
    forEachChunk(hidden, weight, bias, labels: labels, scale: 1, inPlace: false) { _, _ in }
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

  /// Computes logits and losses chunk by chunk; where `inPlace`, the logits become their gradient before
  /// `body` sees them.
  private func forEachChunk(
    _ hidden: Tensor, _ weight: Parameter, _ bias: Parameter?, labels: [Int32], scale: Float, inPlace: Bool,
    _ body: (Range<Int>, Matrix) -> Void
  ) -> BufferSlice {
    precondition(hidden.rows == labels.count, "crossEntropy: \(hidden.rows) rows, \(labels.count) labels")
    let losses = device.makeBuffer(.float32, count: hidden.value.room)[0..<labels.count]
    if labels.isEmpty { return losses }
    let vocabulary = weight.value.rows
    let rowsPerChunk = min(self.rowsPerChunk(vocabulary: vocabulary), hidden.value.room)
    let labels = device.makeList(labels)
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
          logits, labels: labels[range], losses: losses[range], gradient: inPlace ? logits : nil,
          scale: scale))
      body(range, logits)
    }
    return losses
  }
}
