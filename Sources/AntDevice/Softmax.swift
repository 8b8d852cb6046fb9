/// `y[r, :] = exp(scale x[r, :] - max) / sum`: softmax over each row of `scale * x`.
///
/// A row of minus infinities gives zeros. `output` may be `input`.
public struct Softmax {
  public let input: Matrix
  public let output: Matrix
  public let scale: Float

  public init(_ input: Matrix, scale: Float = 1, into output: Matrix) {
    output.requireShape(input.rows, input.columns, "Softmax output")
    self.input = input
    self.output = output
    self.scale = scale
  }
}

/// `dx = scale y (dy - sum_c dy y)`, from the forward's output `y`. `inputGradient` may be `outputGradient`.
public struct SoftmaxBackward {
  public let output: Matrix
  public let outputGradient: Matrix
  public let inputGradient: Matrix
  public let scale: Float

  public init(output: Matrix, outputGradient: Matrix, scale: Float = 1, into inputGradient: Matrix) {
    outputGradient.requireShape(output.rows, output.columns, "SoftmaxBackward output gradient")
    inputGradient.requireShape(output.rows, output.columns, "SoftmaxBackward input gradient")
    self.output = output
    self.outputGradient = outputGradient
    self.inputGradient = inputGradient
    self.scale = scale
  }
}
