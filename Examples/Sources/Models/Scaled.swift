import AntAutograd
import AntDevice

extension Tape {
  /// `y = factor x`, an operation of our own: forward at once, backward when the tape runs back.
  public func scaled(_ x: Tensor, by factor: Float) -> Tensor {
    let y = Tensor(device.makeMatrix(rows: x.rows, columns: x.columns))
    device.elementwise(Scale(x.value.elements, by: factor, into: y.value.elements))
    record { [device, dy = y.gradient, dx = x.gradient] in
      guard let dy = dy.take() else { return }
      device.elementwise(Scale(dy.elements, by: factor, into: dy.elements))
      dx.adopt(dy, on: device)
    }
    return y
  }
}
