/// Decides on the device what an optimizer step may do, so that the host need not wait to know.
///
/// From the sum of squared gradients and the loss, `control` becomes
///
///     [0] factor   min(1, maximumNorm / (norm + 1e-6)), which multiplies every gradient
///     [1] norm     sqrt(gradientSquares)
///     [2] loss     as given
///     [3] finite   1 where loss and norm both are finite, else 0: then the update does nothing at all
public struct GradientControl {
  public static let size = 4

  public let gradientSquares: BufferSlice
  public let loss: BufferSlice
  /// Infinity for no clipping.
  public let maximumNorm: Float
  public let control: BufferSlice

  public init(gradientSquares: BufferSlice, loss: BufferSlice, maximumNorm: Float, into control: BufferSlice)
  {
    require(gradientSquares, holds: 1, of: .float32, "GradientControl squares")
    require(loss, holds: 1, of: .float32, "GradientControl loss")
    require(control, holds: Self.size, of: .float32, "GradientControl control")
    precondition(maximumNorm > 0, "GradientControl: a maximum norm of \(maximumNorm)")
    self.gradientSquares = gradientSquares
    self.loss = loss
    self.maximumNorm = maximumNorm
    self.control = control
  }
}

/// AdamW (Loshchilov & Hutter 2019) over one flat buffer, all parameters in one launch:
///
///     g  = factor * gradient
///     m  = beta1 m + (1 - beta1) g
///     v  = beta2 v + (1 - beta2) g^2
///     p -= learningRate (m^ / (sqrt(v^) + epsilon) + weightDecay p)
///
/// with `m^ = m / (1 - beta1^step)` and `v^ = v / (1 - beta2^step)`. The first `decayedCount` parameters decay,
/// the others (norms, biases) do not. Where ``GradientControl`` found something not finite, nothing changes.
public struct AdamW {
  public let parameters: BufferSlice
  public let gradients: BufferSlice
  public let firstMoment: BufferSlice
  public let secondMoment: BufferSlice
  public let control: BufferSlice
  public let decayedCount: Int
  public let learningRate: Float
  public let beta1: Float
  public let beta2: Float
  public let epsilon: Float
  public let weightDecay: Float
  /// From 1.
  public let step: Int

  public init(
    parameters: BufferSlice, gradients: BufferSlice, firstMoment: BufferSlice, secondMoment: BufferSlice,
    control: BufferSlice, decayedCount: Int, learningRate: Float, beta1: Float, beta2: Float, epsilon: Float,
    weightDecay: Float, step: Int
  ) {
    let count = parameters.count
    for (slice, name) in [
      (parameters, "parameters"), (gradients, "gradients"), (firstMoment, "first moment"),
      (secondMoment, "second moment"),
    ] {
      require(slice, holds: count, of: .float32, "AdamW \(name)")
    }
    require(control, holds: GradientControl.size, of: .float32, "AdamW control")
    precondition(
      step >= 1 && decayedCount >= 0 && decayedCount <= count,
      "AdamW: step \(step), \(decayedCount) of \(count) decayed")
    self.parameters = parameters
    self.gradients = gradients
    self.firstMoment = firstMoment
    self.secondMoment = secondMoment
    self.control = control
    self.decayedCount = decayedCount
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.step = step
  }

  public var count: Int { parameters.count }
  /// `1 / (1 - beta1^step)`, taken in double precision.
  public var firstCorrection: Float { Float(1 / (1 - power(Double(beta1), step))) }
  /// `1 / (1 - beta2^step)`, taken in double precision.
  public var secondCorrection: Float { Float(1 / (1 - power(Double(beta2), step))) }
}

/// `base^exponent` by repeated squaring, so that the same bits come out everywhere.
private func power(_ base: Double, _ exponent: Int) -> Double {
  var result = 1.0
  var square = base
  var rest = exponent
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest >>= 1
  }
  return result
}
