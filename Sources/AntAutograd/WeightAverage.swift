import AntDevice

/// A running mean of a model's parameters, their exponential moving average (Polyak averaging): begins as a copy and
/// follows every update,
///
///     mean += (1 - decay) (parameters - mean)
///
/// so that it remembers about `1 / (1 - decay)` updates.
public final class WeightAverage {
  public let parameters: Parameters
  public let decay: Float
  /// The mean; after ``exchange()`` the parameters themselves.
  public let mean: BufferSlice

  public init(_ parameters: Parameters, decay: Float) {
    precondition((0..<1).contains(decay), "WeightAverage: a decay of \(decay)")
    self.parameters = parameters
    self.decay = decay
    mean = parameters.device.makeBuffer(.float32, count: parameters.count)[...]
    parameters.device.elementwise(Copy(matrix(parameters.values), into: matrix(mean)))
  }

  /// Takes the parameters into the mean, after an update of theirs.
  public func update() {
    parameters.device.elementwise(Blend(parameters.values, weight: 1 - decay, into: mean))
  }

  /// Puts the mean in the parameters' place and these in its own; a second call undoes it.
  public func exchange() {
    parameters.device.elementwise(Exchange(parameters.values, mean))
  }

  private func matrix(_ slice: BufferSlice) -> Matrix { Matrix(slice, rows: 1, columns: slice.count) }
}
