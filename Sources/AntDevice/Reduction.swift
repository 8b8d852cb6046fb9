/// `output[0] [+]= sum of f(input[i])`, f the identity or the square, in an order fixed by the count alone.
public struct Reduction {
  /// What is summed.
  public enum Kind: String, Sendable { case sum, sumOfSquares }

  public let kind: Kind
  public let input: BufferSlice
  public let output: BufferSlice
  /// Adds to `output` rather than replacing it.
  public let accumulate: Bool

  public init(_ kind: Kind, of input: BufferSlice, into output: BufferSlice, accumulate: Bool = false) {
    require(input, holds: input.count, of: .float32, "Reduction input")
    require(output, holds: 1, of: .float32, "Reduction output")
    self.kind = kind
    self.input = input
    self.output = output
    self.accumulate = accumulate
  }

  public var count: Int { input.count }
}

/// `output[c] [+]= sum_r input[r, c]`: the gradient of a bias.
public struct ColumnSum {
  public let input: Matrix
  public let output: BufferSlice
  public let accumulate: Bool

  public init(_ input: Matrix, into output: BufferSlice, accumulate: Bool = false) {
    require(output, holds: input.columns, of: .float32, "ColumnSum output")
    self.input = input
    self.output = output
    self.accumulate = accumulate
  }
}
