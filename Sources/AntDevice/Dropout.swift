import AntRandom

/// `y[i] = x[i] keep[i] / (1 - p) [+ residual[i]]`, keep drawn by a counter (see ``Philox``): forward and
/// backward call the same operation and draw the same mask, and nothing is stored.
///
/// Element i is word `n % 4` of the Philox block `n / 4`, where `n = firstElement + i`; it is kept where the
/// draw, uniform in [0, 1), is at least p. `firstElement` counts from the beginning of the effective batch,
/// so that splitting a batch does not change a draw. `output` may be `input` or `residual`.
public struct Dropout {
  public let input: BufferSlice
  public let output: BufferSlice
  public let residual: BufferSlice?
  public let probability: Float
  public let stream: RandomStream
  public let firstElement: UInt64

  public init(
    _ input: BufferSlice, probability: Float, stream: RandomStream, firstElement: UInt64 = 0,
    residual: BufferSlice? = nil, into output: BufferSlice
  ) {
    precondition(probability >= 0 && probability < 1, "Dropout: a probability of \(probability)")
    require(input, holds: input.count, of: .float32, "Dropout input")
    require(output, holds: input.count, of: .float32, "Dropout output")
    if let residual { require(residual, holds: input.count, of: .float32, "Dropout residual") }
    self.input = input
    self.output = output
    self.residual = residual
    self.probability = probability
    self.stream = stream
    self.firstElement = firstElement
  }

  public var count: Int { input.count }
}
