/// `output[i] = x_steps`, where `x_0 = input[i]` and `x_(k+1) = factor x_k + term`: nothing but fused multiply-adds.
/// What a device does of it in a second is the peak that other operations are measured by.
///
/// `output` may be `input`.
public struct MultiplyAdd {
  public let input: BufferSlice
  public let output: BufferSlice
  public let factor: Float
  public let term: Float
  /// Multiply-adds an element, two operations each.
  public let steps: Int

  public init(_ input: BufferSlice, factor: Float, term: Float, steps: Int, into output: BufferSlice) {
    require(input, holds: input.count, of: .float32, "MultiplyAdd input")
    require(output, holds: input.count, of: .float32, "MultiplyAdd output")
    precondition((0...Int(Int32.max)).contains(steps), "MultiplyAdd: \(steps) steps")
    self.input = input
    self.output = output
    self.factor = factor
    self.term = term
    self.steps = steps
  }

  public var count: Int { input.count }
}
