import AntDevice

/// Records what was computed, so that gradients can be computed in the opposite order.
///
/// Each differentiable operation is a method of the tape: it runs on the device at once and leaves a closure
/// that turns the gradient of its output into gradients of its inputs and parameters. The closure captures
/// what it needs and no more, and ``backward()`` drops each one as it runs, so memory shrinks as backward
/// proceeds. A tape that does not record (inference) keeps nothing.
///
///     let tape = Tape(on: device)
///     let hidden = tape.linear(tape.embedding(ids, table: table), weight)
///     tape.crossEntropy(hidden, weight: table, labels: labels, into: LossSum(sum, scale: 1 / Float(labels.count)))
///     tape.backward()
public final class Tape {
  public let device: any Device
  public let records: Bool
  /// Of the products of ``linear(_:_:bias:residual:)``, of
  /// ``attention(_:queryKeyValue:keyRanges:positions:dropout:)`` and of
  /// ``crossEntropy(_:weight:bias:labels:labelWeights:groups:into:)``, forward and backward.
  public let precision: Precision
  /// How many logits may be in memory at once (see ``rowsPerChunk(vocabulary:)``).
  let logitsPerChunk: Int
  /// 16 MiB of them.
  public static let defaultLogitsPerChunk = 4 << 20
  private var nodes: [() -> Void] = []

  /// - Parameters:
  ///   - records: false for inference.
  ///   - precision: what the operands of products are rounded to, those of attention included.
  ///   - logitsPerChunk: sums are taken chunk by chunk, so it decides their order.
  public init(
    on device: any Device, records: Bool = true, precision: Precision = .float32,
    logitsPerChunk: Int = Tape.defaultLogitsPerChunk
  ) {
    self.device = device
    self.records = records
    self.precision = precision
    self.logitsPerChunk = logitsPerChunk
  }

  /// Appends the backward of an operation. It may be called without a gradient in its output's slot, when
  /// nothing that leads to the loss used that output, and then must do nothing.
  public func record(_ backward: @autoclosure () -> () -> Void) {
    if records { nodes.append(backward()) }
  }

  /// A parameter as a tensor, for operations other than products: its gradient is added to the parameter's.
  public func tensor(_ parameter: Parameter) -> Tensor {
    let result = Tensor(parameter.value)
    record { [device, dy = result.gradient] in
      guard let dy = dy.take(), let sum = parameter.gradient else { return }
      device.elementwise(Add(sum.elements, dy.elements, into: sum.elements))
    }
    return result
  }

  /// `y = a + b`; both inherit the gradient. The output takes the place of `a`'s value, which nothing else may
  /// use afterwards.
  public func add(_ a: Tensor, _ b: Tensor) -> Tensor {
    device.elementwise(Add(a.value.elements, b.value.elements, into: a.value.elements))
    let result = Tensor(a.value)
    record { [device, dy = result.gradient, da = a.gradient, db = b.gradient] in
      guard let dy = dy.take() else { return }
      // Each may write over what it is given.
      let copy = device.makeMatrix(rows: dy.rows, columns: dy.columns)
      device.elementwise(Copy(dy, into: copy))
      da.adopt(copy, on: device)
      db.adopt(dy, on: device)
    }
    return result
  }

  /// Runs the recorded operations backwards, consuming them. The loss seeds the gradients (see
  /// ``crossEntropy(_:weight:bias:labels:labelWeights:groups:into:)``); parameters' gradients are added to what is there.
  public func backward() {
    while let node = nodes.popLast() { node() }
  }

  /// Runs backwards from `output`, whose gradient is `gradient`; its memory is consumed.
  public func backward(from output: Tensor, gradient: Matrix) {
    output.gradient.adopt(gradient, on: device)
    backward()
  }
}
