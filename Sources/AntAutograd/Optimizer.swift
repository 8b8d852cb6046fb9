import AntDevice

/// Updates parameters by their gradients, clipped, all of it on the device; the formula is an ``OptimizerRule``.
///
/// A step is the sum of squared gradients, the decision what to do with it, and the rule's update. Where
/// the loss or the norm is not finite the update does nothing, and the host learns of it from ``status()``.
public final class Optimizer {
  /// What rules are given; the defaults are those of PyTorch but for the decay.
  public struct Settings: Sendable {
    public var rule: any OptimizerRule
    public var beta1: Float
    public var beta2: Float
    public var epsilon: Float
    /// Of the parameters that decay.
    public var weightDecay: Float
    /// Of hidden matrices, where a rule treats them otherwise: decay of their momentum, and their learning rate as a
    /// multiple of the others'.
    public var momentum: Float
    public var matrixRate: Float
    /// What products of the rule round their operands to.
    public var precision: Precision

    public init(
      _ rule: some OptimizerRule = AdamWRule(), beta1: Float = 0.9, beta2: Float = 0.999,
      epsilon: Float = 1e-8,
      weightDecay: Float = 0.1, momentum: Float = 0.95, matrixRate: Float = 1, precision: Precision = .float32
    ) {
      self.rule = rule
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
      self.momentum = momentum
      self.matrixRate = matrixRate
      self.precision = precision
    }
  }

  /// What the device found in the latest step.
  public struct Status: Equatable, Sendable {
    /// What multiplied every gradient: 1 where nothing was clipped.
    public var factor: Float
    /// The norm of all gradients before clipping.
    public var norm: Float
    public var loss: Float
    /// False where loss or norm is not; then neither weights nor moments changed.
    public var isFinite: Bool
  }

  public let parameters: Parameters
  public let settings: Settings
  /// Updates done so far.
  public private(set) var step = 0
  /// Whether ``step`` knows if the latest update was done.
  private var isCounted = true
  /// In the layout of the flat parameter buffer, as ``secondMoment``: what a checkpoint keeps.
  public let firstMoment: BufferSlice
  public let secondMoment: BufferSlice
  private let control: BufferSlice
  private let squares: BufferSlice
  private let apply: (ParameterUpdate) -> Void

  /// Makes the moments, zero, and the gradients where the parameters have none yet.
  public init(_ parameters: Parameters, settings: Settings = Settings()) {
    let device = parameters.device
    self.parameters = parameters
    self.settings = settings
    firstMoment = device.makeBuffer(.float32, count: parameters.count)[...]
    secondMoment = device.makeBuffer(.float32, count: parameters.count)[...]
    control = device.makeBuffer(.float32, count: GradientControl.size)[...]
    squares = device.makeBuffer(.float32, count: 1)[...]
    apply = settings.rule.makeUpdate(of: parameters, settings)
    if parameters.gradients == nil { parameters.makeGradients() }
    reset()
  }

  /// Forgets moments and step, as at the start of training.
  public func reset() {
    step = 0
    let device = parameters.device
    for moment in [firstMoment, secondMoment] { device.elementwise(Fill(moment, with: 0)) }
  }

  /// Updates the parameters by their gradients, which are of no use afterwards.
  ///
  /// - Parameters:
  ///   - maximumNorm: gradients are scaled down to this norm; infinity for no clipping.
  ///   - loss: on the device; where its first float is not finite nothing is updated.
  public func update(learningRate: Float, maximumNorm: Float = .infinity, loss: BufferSlice) {
    guard let gradients = parameters.gradients else { return }
    step += 1
    isCounted = false
    let device = parameters.device
    device.reduction(Reduction(.sumOfSquares, of: gradients, into: squares))
    device.optimizer(
      GradientControl(gradientSquares: squares, loss: loss, maximumNorm: maximumNorm, into: control))
    let moments = Moments(
      beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon, step: step)
    apply(
      ParameterUpdate(
        parameters: parameters.values, gradients: gradients, firstMoment: firstMoment,
        secondMoment: secondMoment, control: control, decayedCount: parameters.decayedCount,
        learningRate: learningRate, moments: moments, weightDecay: settings.weightDecay))
  }

  /// Waits for the latest update and says how it went: the one read-back of a step.
  ///
  /// An update that did nothing, because something was not finite, does not count as a step.
  public func status() throws -> Status {
    let values = try parameters.device.read(control)
    let status = Status(factor: values[0], norm: values[1], loss: values[2], isFinite: values[3] == 1)
    if !status.isFinite && !isCounted { step -= 1 }
    isCounted = true
    return status
  }

  /// Continues from a checkpoint.
  public func restore(step: Int, first: [Float], second: [Float]) {
    precondition(
      first.count == parameters.count && second.count == parameters.count && step >= 0,
      "Optimizer: step \(step), moments of \(first.count) and \(second.count) for \(parameters.count)")
    self.step = step
    parameters.device.write(first, to: firstMoment)
    parameters.device.write(second, to: secondMoment)
  }
}

extension Optimizer.Settings: Equatable {
  /// Rules are told apart by their names.
  public static func == (a: Self, b: Self) -> Bool {
    a.rule.name == b.rule.name && a.beta1 == b.beta1 && a.beta2 == b.beta2 && a.epsilon == b.epsilon
      && a.weightDecay == b.weightDecay && a.momentum == b.momentum && a.matrixRate == b.matrixRate
      && a.precision == b.precision
  }
}
