import AntDevice

extension Tape {
  /// `y = x W^T [+ bias] [+ residual]`, weights `[outputs, inputs]`.
  ///
  ///     dx = dy W      dW += dy^T x      dbias += sum_rows dy      dresidual = dy
  ///
  /// The residual inherits the memory of `dy`: a residual stream has one gradient buffer, which every branch
  /// adds to.
  public func linear(_ input: Tensor, _ weight: Parameter, bias: Parameter? = nil, residual: Tensor? = nil)
    -> Tensor
  {
    let output = device.makeMatrix(
      rows: input.rows, columns: weight.value.rows, room: input.value.room)
    device.matmul(
      Matmul(
        input.value, transposed: false, weight.value, transposed: true, into: output, bias: bias?.vector,
        residual: residual?.value, precision: precision))
    let result = Tensor(output)
    record {
      [
        device, precision, dy = result.gradient, dx = input.gradient, x = input.saved,
        skip = residual?.gradient
      ] in
      guard let dy = dy.take() else { return }
      if let weightGradient = weight.gradient {
        device.matmul(
          Matmul(dy, transposed: true, x(), into: weightGradient, accumulate: true, precision: precision))
      }
      if let biasGradient = bias?.gradient {
        device.reduction(ColumnSum(dy, into: biasGradient.storage, accumulate: true))
      }
      dx.contribute(rows: dy.rows, columns: weight.value.columns, room: dy.room, on: device) {
        dx, accumulate in
        device.matmul(Matmul(dy, weight.value, into: dx, accumulate: accumulate, precision: precision))
      }
      skip?.adopt(dy, on: device)
    }
    return result
  }
}
