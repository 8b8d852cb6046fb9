import AntAutograd
import AntTraining

/// How a trained model is adapted to a task: everything that decides the updates, whatever the task.
///
/// The rate follows from the steps done before, as in the schedulers of transformers that the fine-tuning recipes of the
/// field use (see ``AntTraining/LearningRate``).
public struct FineTuningSettings: Sendable, Equatable {
  /// The highest learning rate.
  public var learningRate: Double
  /// Examples an update.
  public var batch: Int
  /// Passes over the examples, at most.
  public var epochs: Int
  /// Epochs without a gain after which training stops; nil to go through with all.
  public var patience: Int?
  /// A figure that is not better than the best by more than this is no gain. It still is the new best where it
  /// is better at all.
  public var minimumGain: Double
  /// Part of all steps, in 0...1, rounded down.
  public var warmup: Double
  /// What the learning rate does after the warm-up.
  public var schedule: LearningRate.Shape
  /// Where the schedule ends, as a part of the peak.
  public var floor: Double
  public var optimizer: Optimizer.Settings
  /// Gradients are scaled down to this norm; infinity for no clipping.
  public var clip: Float
  /// Whether the examples that do not fill a batch at the end of an epoch wait for another one.
  public var dropsLast: Bool
  /// Decides the order of the examples and what is dropped out.
  public var seed: UInt64

  public init(
    learningRate: Double = 5e-5, batch: Int = 64, epochs: Int = 10, patience: Int? = 3,
    minimumGain: Double = 0, warmup: Double = 0, schedule: LearningRate.Shape = .linear, floor: Double = 0,
    optimizer: Optimizer.Settings = Optimizer.Settings(weightDecay: 0), clip: Float = 1,
    dropsLast: Bool = false, seed: UInt64 = 1
  ) {
    self.learningRate = learningRate
    self.batch = batch
    self.epochs = epochs
    self.patience = patience
    self.minimumGain = minimumGain
    self.warmup = warmup
    self.schedule = schedule
    self.floor = floor
    self.optimizer = optimizer
    self.clip = clip
    self.dropsLast = dropsLast
    self.seed = seed
  }

  /// Throws ``TrainingError/option(_:found:expected:)`` for the first value that cannot be.
  public func validate() throws {
    func require(_ holds: Bool, _ option: String, _ found: some Any, _ expected: String) throws {
      guard holds else { throw TrainingError.option(option, found: "\(found)", expected: expected) }
    }
    try require(
      learningRate > 0 && learningRate <= 1, "learningRate", learningRate, "more than 0 and at most 1")
    try require((1...1 << 20).contains(batch), "batch", batch, "1 to \(1 << 20)")
    try require((1...10_000).contains(epochs), "epochs", epochs, "1 to 10000")
    try require((patience ?? 1) >= 1, "patience", patience ?? 0, "1 or more")
    try require(warmup >= 0 && warmup < 1, "warmup", warmup, "0 or more and less than 1")
    try require(floor >= 0 && floor <= 1, "learningRateFloor", floor, "0 to 1")
    try require(
      optimizer.weightDecay >= 0 && optimizer.weightDecay <= 1, "weightDecay", optimizer.weightDecay,
      "0 to 1")
    try require(clip > 0, "clip", clip, "more than 0")
  }

  /// Updates an epoch of so many examples; at least one.
  public func steps(examples: Int) -> Int {
    max(1, dropsLast ? examples / batch : (examples + batch - 1) / batch)
  }

  /// The rate of `step`, from 1, of `total`.
  public func rate(step: Int, of total: Int) -> Float {
    LearningRate(
      peak: learningRate, floor: floor, warmup: .part(warmup), shape: schedule, firstStep: 0
    ).rate(step, of: total)
  }
}
