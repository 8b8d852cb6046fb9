import AntAutograd
import AntDevice
import AntText

/// What a training run's options are: what `config.json` keeps under "antlm" and resuming reads back. Its members are
/// those of ``TrainingOptions``, which says of each what it is and may be.
@dynamicMemberLookup
public struct TrainingConfiguration: Sendable {
  /// What happens to the optimizer's moments when the objective changes.
  public enum OptimizerState: String, Codable, Sendable, CaseIterable {
    case keep, reset
  }

  private static let options = TrainingOptions()
  /// What was set, by the options' names.
  private var values: [String: any Sendable] = [:]

  /// Options as they are where nothing is said of them, for a model to be named yet.
  public static var usual: TrainingConfiguration { Self(model: "", schedule: "", training: []) }

  /// The usual options for a run.
  ///
  /// - Parameters:
  ///   - model: a preset's name, or the path of a config.json.
  ///   - schedule: in the notation of ``Schedule``.
  ///   - training: paths of files and folders of text.
  public init(model: String, schedule: String, training: [String]) {
    self.model = model
    self.schedule = schedule
    self.training = training
  }

  public subscript<Value>(dynamicMember path: KeyPath<TrainingOptions, TrainingOption<Value>>) -> Value {
    get { self[Self.options[keyPath: path]] }
    set { self[Self.options[keyPath: path]] = newValue }
  }

  /// The value of an option.
  public subscript<Value>(option: TrainingOption<Value>) -> Value {
    get { values[option.name] as? Value ?? option.initial }
    set { values[option.name] = newValue }
  }

  /// The learning rate of `step` of `plan`.
  public func rate(step: Int, of plan: TrainingPlan) -> Float {
    LearningRate(
      peak: self.learningRate.mean(over: plan.position(ofStep: step).mixture), floor: self.learningRateFloor,
      warmup: LearningRate.Stretch(self.warmup) ?? .steps(0), span: self.learningRateSpan,
      shape: self.learningRateShape, decay: LearningRate.Stretch(self.learningRateDecay) ?? .steps(0),
      decayShape: self.learningRateDecayShape, rewarmup: LearningRate.Stretch(self.rewarmup) ?? .steps(0)
    )(step: step, of: plan)
  }

  /// What the optimizer is given.
  func optimizerSettings(_ rule: some OptimizerRule) -> Optimizer.Settings {
    Optimizer.Settings(
      rule, beta1: self.beta1, beta2: self.beta2, epsilon: self.epsilon, weightDecay: self.weightDecay,
      momentum: self.momentum, matrixRate: Float(self.matrixLearningRate / self.learningRate.common),
      precision: self.precision)
  }

  /// Sequences of one part of a batch, at the first length.
  public var microBatch: Int { (self.batch + self.accumulate - 1) / self.accumulate }

  /// The most tokens of one part of a batch.
  public var microBatchTokens: Int { max(microBatch * self.length.first, self.length.longest) }

  /// - Parameter step: from 1 to `total`.
  public func maskingRate(step: Int, of total: Int) -> Float {
    let first = self.maskRate
    guard let last = self.finalMaskRate, total > 1 else { return first }
    return first + (last - first) * Float(step - 1) / Float(total - 1)
  }

  /// How tokens are hidden.
  func masking(_ tokenizer: Tokenizer, rate: Float) -> Masking {
    Masking(
      vocabularySize: tokenizer.vocabularySize, specials: tokenizer.specials, rate: rate, unit: self.maskUnit)
  }

  /// Throws ``TrainingError/option(_:found:expected:)`` for the first option that cannot be.
  public func validate() throws {
    for option in TrainingOptions.list {
      if let expected = option.complaint(about: self) {
        throw TrainingError.option(option.name, found: option.text(in: self), expected: expected)
      }
    }
  }

  /// Whether these, as a run records them, are `configuration` with what is found out at the start filled in. Where
  /// model and text lie does not count; they are compared by what they are.
  package func isBegun(from configuration: TrainingConfiguration) -> Bool {
    TrainingOptions.list.allSatisfy { option in
      option.role == .place || option.role == .record || option.agrees(self, configuration)
    }
  }
}

extension TrainingConfiguration: Equatable {
  public static func == (a: Self, b: Self) -> Bool {
    TrainingOptions.list.allSatisfy { $0.agrees(a, b) }
  }
}

extension TrainingConfiguration: Codable {
  public init(from decoder: any Decoder) throws {
    self = .usual
    let members = try decoder.container(keyedBy: TrainingOptionKey.self)
    for option in TrainingOptions.list { try option.decode(from: members, to: &self) }
  }

  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: TrainingOptionKey.self)
    for option in TrainingOptions.list { try option.encode(self, to: &members) }
  }
}
