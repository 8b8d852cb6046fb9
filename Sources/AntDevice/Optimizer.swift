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

/// What every update of parameters by their gradients is given: one flat buffer of each, and their moments.
public struct ParameterUpdate {
  public let parameters: BufferSlice
  public let gradients: BufferSlice
  public let firstMoment: BufferSlice
  public let secondMoment: BufferSlice
  /// What ``GradientControl`` decided.
  public let control: BufferSlice
  /// The elements before this one decay, the others (norms, biases) do not.
  public let decayedCount: Int
  public let learningRate: Float
  public let moments: Moments
  public let weightDecay: Float

  public init(
    parameters: BufferSlice, gradients: BufferSlice, firstMoment: BufferSlice, secondMoment: BufferSlice,
    control: BufferSlice, decayedCount: Int, learningRate: Float, moments: Moments, weightDecay: Float
  ) {
    let count = parameters.count
    for (slice, name) in [
      (parameters, "parameters"), (gradients, "gradients"), (firstMoment, "first moment"),
      (secondMoment, "second moment"),
    ] {
      require(slice, holds: count, of: .float32, "ParameterUpdate \(name)")
    }
    require(control, holds: GradientControl.size, of: .float32, "ParameterUpdate control")
    precondition(
      decayedCount >= 0 && decayedCount <= count, "ParameterUpdate: \(decayedCount) of \(count) decayed")
    self.parameters = parameters
    self.gradients = gradients
    self.firstMoment = firstMoment
    self.secondMoment = secondMoment
    self.control = control
    self.decayedCount = decayedCount
    self.learningRate = learningRate
    self.moments = moments
    self.weightDecay = weightDecay
  }

  public var count: Int { parameters.count }

  /// The same for some of the elements.
  public func over(_ range: Range<Int>) -> ParameterUpdate {
    ParameterUpdate(
      parameters: parameters[range], gradients: gradients[range], firstMoment: firstMoment[range],
      secondMoment: secondMoment[range], control: control,
      decayedCount: min(max(decayedCount - range.lowerBound, 0), range.count), learningRate: learningRate,
      moments: moments, weightDecay: weightDecay)
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
  public let update: ParameterUpdate

  public init(_ update: ParameterUpdate) { self.update = update }
}

/// LAMB (You et al. 2020; in the form of LTG-BERT): AdamW whose step is scaled, tensor by tensor, to the size of the
/// weights. With m^ and v^ as in ``AdamW``:
///
///     u  = m^ / (sqrt(v^) + epsilon) + weightDecay p
///     p -= learningRate ratio u,    ratio = |p| / |u| over the whole tensor, 1 where either norm is 0
///
/// Tensors that begin at `decayedCount` or behind (norms, biases) neither decay nor are scaled: their ratio is 1.
/// `gradients` become u. Where ``GradientControl`` found something not finite, nothing changes.
public struct LAMB {
  public let update: ParameterUpdate
  public let blocks: TensorBlocks

  public init(_ update: ParameterUpdate, blocks: TensorBlocks) {
    precondition(
      blocks.tensors.last?.upperBound ?? 0 <= update.count,
      "LAMB: tensors up to \(blocks.tensors.last?.upperBound ?? 0) of \(update.count)")
    self.update = update
    self.blocks = blocks
  }
}

/// The first half of Muon (Jordan et al. 2024): momentum with Nesterov's look ahead, scaled to norm 1 tensor by tensor so
/// that the orthogonalization that follows converges. With g = factor gradient:
///
///     m         = momentum m + (1 - momentum) g
///     u         = momentum m + (1 - momentum) g
///     gradients = u / (|u| + 1e-7),    |u| over the whole tensor
///
/// Where ``GradientControl`` found something not finite, nothing changes.
public struct MuonDirection {
  public let gradients: BufferSlice
  public let moment: BufferSlice
  /// What ``GradientControl`` decided.
  public let control: BufferSlice
  public let momentum: Float
  /// The tensors it is for; what lies between them stays as it is.
  public let blocks: TensorBlocks

  public init(
    gradients: BufferSlice, moment: BufferSlice, control: BufferSlice, momentum: Float, blocks: TensorBlocks
  ) {
    let end = blocks.tensors.last?.upperBound ?? 0
    require(gradients, holds: end, of: .float32, "MuonDirection gradients")
    require(moment, holds: end, of: .float32, "MuonDirection moment")
    require(control, holds: GradientControl.size, of: .float32, "MuonDirection control")
    precondition((0..<1).contains(momentum), "MuonDirection: a momentum of \(momentum)")
    self.gradients = gradients
    self.moment = moment
    self.control = control
    self.momentum = momentum
    self.blocks = blocks
  }

  /// What keeps a tensor of zeros from being divided by zero.
  public static let epsilon: Float = 1e-7
}

/// The second half of Muon: `p -= learningRate (direction + weightDecay p)`. Where ``GradientControl`` found something not
/// finite, nothing changes.
public struct MuonStep {
  public let parameters: BufferSlice
  public let direction: BufferSlice
  /// What ``GradientControl`` decided.
  public let control: BufferSlice
  public let learningRate: Float
  public let weightDecay: Float
  /// The tensors it is for; what lies between them stays as it is.
  public let blocks: TensorBlocks

  public init(
    parameters: BufferSlice, direction: BufferSlice, control: BufferSlice, learningRate: Float,
    weightDecay: Float, blocks: TensorBlocks
  ) {
    let end = blocks.tensors.last?.upperBound ?? 0
    require(parameters, holds: end, of: .float32, "MuonStep parameters")
    require(direction, holds: end, of: .float32, "MuonStep direction")
    require(control, holds: GradientControl.size, of: .float32, "MuonStep control")
    self.parameters = parameters
    self.direction = direction
    self.control = control
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.blocks = blocks
  }
}

/// How a step's gradients enter the running means that Adam's direction is taken from.
public struct Moments: Sendable, Equatable {
  public let beta1: Float
  public let beta2: Float
  public let epsilon: Float
  /// `1 / (1 - beta1^step)`, taken in double precision.
  public let firstCorrection: Float
  /// `1 / (1 - beta2^step)`, taken in double precision.
  public let secondCorrection: Float

  /// - Parameter step: from 1.
  public init(beta1: Float, beta2: Float, epsilon: Float, step: Int) {
    precondition(step >= 1, "Moments: step \(step)")
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    firstCorrection = Float(1 / (1 - power(Double(beta1), step)))
    secondCorrection = Float(1 / (1 - power(Double(beta2), step)))
  }
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
