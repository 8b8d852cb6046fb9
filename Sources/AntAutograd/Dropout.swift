import AntDevice
import AntRandom

extension Tape {
  /// `y = x keep / (1 - p) [+ residual]`. Nothing is kept for backward: the counter draws the same mask
  /// again.
  ///
  /// The output takes the place of `input`'s value, which nothing else may use afterwards, unless it
  /// `keepsInput`.
  ///
  /// - Parameters:
  ///   - stream: who draws (see ``AntRandom/RandomStream``).
  ///   - firstElement: the number of this tensor's first element, counted over the effective batch.
  public func dropout(
    _ input: Tensor, probability: Float, stream: RandomStream, firstElement: UInt64, residual: Tensor? = nil,
    keepsInput: Bool = false
  ) -> Tensor {
    let output = keepsInput ? device.makeMatrix(rows: input.rows, columns: input.columns) : input.value
    device.dropout(
      Dropout(
        input.value.elements, probability: probability, stream: stream, firstElement: firstElement,
        residual: residual?.value.elements, into: output.elements))
    let result = Tensor(output)
    record { [device, dy = result.gradient, dx = input.gradient, skip = residual?.gradient] in
      guard let dy = dy.take() else { return }
      // A residual inherits dy, so then the branch's gradient needs memory of its own.
      let gradient = skip == nil ? dy : device.makeMatrix(rows: dy.rows, columns: dy.columns)
      device.dropout(
        Dropout(
          dy.elements, probability: probability, stream: stream, firstElement: firstElement,
          into: gradient.elements))
      dx.adopt(gradient, on: device)
      skip?.adopt(dy, on: device)
    }
    return result
  }
}
