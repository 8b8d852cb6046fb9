/// Normalizes each row, `y = x^ weight + bias`, with
///
///     rms:    x^ = x / sqrt(mean(x^2) + epsilon)                 (Zhang & Sennrich 2019)
///     layer:  x^ = (x - mean) / sqrt(variance + epsilon)         (Ba et al. 2016, biased variance)
///
/// `weight` and `bias` have one element a column; without them the norm is not affine. `output` may be `input`.
///
/// With several `heads` a row is as many parts of equal width, each normalized for itself with the same weight, of the
/// width of one: what keeps queries and keys of a size before their product (Henry et al. 2020).
public struct Normalization {
  /// Root mean square (Zhang & Sennrich 2019), or layer norm (Ba et al. 2016).
  public enum Kind: String, Sendable { case rms, layer }

  public let kind: Kind
  public let input: Matrix
  public let weight: BufferSlice?
  public let bias: BufferSlice?
  public let epsilon: Float
  /// Parts of a row, each normalized for itself.
  public let heads: Int
  public let output: Matrix

  public init(
    _ kind: Kind, _ input: Matrix, weight: BufferSlice? = nil, bias: BufferSlice? = nil, epsilon: Float,
    heads: Int = 1, into output: Matrix
  ) {
    output.requireShape(input.rows, input.columns, "Normalization output")
    requireHeads(heads, divide: input, hasBias: bias != nil, "Normalization")
    precondition(bias == nil || weight != nil, "Normalization: a bias without a weight")
    let width = input.columns / heads
    if let weight { require(weight, holds: width, of: .float32, "Normalization weight") }
    if let bias { require(bias, holds: width, of: .float32, "Normalization bias") }
    self.kind = kind
    self.input = input
    self.weight = weight
    self.bias = bias
    self.epsilon = epsilon
    self.heads = heads
    self.output = output
  }

  /// Columns of a part.
  public var width: Int { input.columns / heads }
}

private func requireHeads(_ heads: Int, divide input: Matrix, hasBias: Bool, _ what: String) {
  precondition(
    heads > 0 && input.columns % heads == 0, "\(what): \(input.columns) columns in \(heads) heads")
  precondition(heads == 1 || !hasBias, "\(what): a bias with \(heads) heads")
}

/// The gradients of ``Normalization``, its statistics recomputed from the input.
///
/// With `g = dy weight` and `r` the reciprocal standard deviation:
///
///     rms:    dx = r (g - x^ mean(g x^))
///     layer:  dx = r (g - mean(g) - x^ mean(g x^))
///     dweight += sum_rows dy x^          dbias += sum_rows dy
///
/// `inputGradient` may be `outputGradient` unless it accumulates. Weight and bias gradients always accumulate.
public struct NormalizationBackward {
  public let kind: Normalization.Kind
  public let input: Matrix
  public let weight: BufferSlice?
  public let epsilon: Float
  public let heads: Int
  public let outputGradient: Matrix
  public let inputGradient: Matrix
  /// Adds to `inputGradient` rather than replacing it.
  public let accumulate: Bool
  public let weightGradient: BufferSlice?
  public let biasGradient: BufferSlice?

  public init(
    _ kind: Normalization.Kind, input: Matrix, weight: BufferSlice? = nil, epsilon: Float, heads: Int = 1,
    outputGradient: Matrix, inputGradient: Matrix, accumulate: Bool = false,
    weightGradient: BufferSlice? = nil, biasGradient: BufferSlice? = nil
  ) {
    outputGradient.requireShape(input.rows, input.columns, "NormalizationBackward output gradient")
    inputGradient.requireShape(input.rows, input.columns, "NormalizationBackward input gradient")
    requireHeads(heads, divide: input, hasBias: biasGradient != nil, "NormalizationBackward")
    for (slice, name) in [
      (weight, "weight"), (weightGradient, "weight gradient"), (biasGradient, "bias gradient"),
    ] {
      if let slice {
        require(slice, holds: input.columns / heads, of: .float32, "NormalizationBackward \(name)")
      }
    }
    self.kind = kind
    self.input = input
    self.weight = weight
    self.epsilon = epsilon
    self.heads = heads
    self.outputGradient = outputGradient
    self.inputGradient = inputGradient
    self.accumulate = accumulate
    self.weightGradient = weightGradient
    self.biasGradient = biasGradient
  }

  /// Columns of a part.
  public var width: Int { input.columns / heads }
}
