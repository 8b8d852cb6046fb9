import AntAutograd
import AntDevice
import AntModels
import AntText

/// Every option of a training run. A new one is one member here.
///
/// Defaults follow BabyLM practice where the paper gives no value: AdamW (0.9, 0.999) with decay 0.1 and
/// clipping at norm 1, 2 % warm-up and a cosine down to a tenth of the peak over the whole run. Moments and
/// cosine go on across a switch of objective; both can start afresh instead.
public struct TrainingOptions: Sendable {
  /// All of them, in the order of their declaration.
  public static let list: [any AnyTrainingOption] = Mirror(reflecting: TrainingOptions()).children
    .compactMap { $0.value as? any AnyTrainingOption }

  /// Names of a preset or a config.json.
  public let model = TrainingOption(
    "model", "",
    .init(
      "model", "A model (\(Architectures.standard.presetNames.joined(separator: ", "))) or a config.json."),
    role: .place)
  public let schedule = TrainingOption(
    "schedule", "", .init("schedule", "Which objective when: 4_CLM+16_MLM+4_CLM."), role: .run)
  /// Files and folders of text to train on.
  public let training = TrainingOption(kept: "training", [String](), role: .place)
  /// Files and folders to evaluate on; empty for no evaluation.
  public let development = TrainingOption(kept: "development", [String](), role: .place)

  /// Sequences a step, at the first length.
  public let batch = TrainingOption("batch", 32, .init("batch", "Sequences a step.")) { value, _ in
    (1...1_000_000).contains(value) ? nil : "1 to 1000000 sequences"
  }
  /// Gradients are as of the whole batch.
  public let accumulate = TrainingOption(
    "accumulate", 1, .init("accumulate", "Parts a batch is split into to save memory.")
  ) { value, options in
    (1...max(1, options.batch)).contains(value) ? nil : "1 to the batch of \(options.batch)"
  }
  public let length = TrainingOption(
    "length", LengthSchedule(128),
    .init("length", "Tokens a sequence; 128:90%,512 for 128 in the first nine tenths of the steps, then 512.")
  ) { value, _ in
    value.shortest >= 2 && value.longest <= 1_000_000
      ? nil : "2 to 1000000 tokens, such as 128 or 128:90%,512"
  }
  /// Attention and positions go by lines of the text then, not by blocks.
  public let documents = TrainingOption(
    "documents", false,
    .init(
      "documents", "Keep the lines of text packed in a sequence apart: attention and positions inside each.",
      isSwitch: true), mayBeAbsent: true)
  public let initialModel = TrainingOption<String?>(
    "initialModel",
    .init(
      "init", "Begin with the weights of this run, checkpoint, import or export, and its tokenizer.",
      valueName: "model"), role: .place)
  public let maximumSteps = TrainingOption<Int?>(
    "maximumSteps", .init("max-steps", "Stop after this many steps; the learning rate's decay ends there."),
    role: .run
  ) { value, _ in (value ?? 1) >= 1 ? nil : "at least 1" }
  public let seed = TrainingOption(
    "seed", UInt64(1), .init("seed", "Decides every random draw."), role: .run)

  /// A mixture has the mean of its objectives' rates, by their shares.
  public let learningRate = TrainingOption(
    byObjective: "learningRate", 1e-3,
    .init(
      "lr", "Peak learning rate; MLM=2e-3 for one objective, which a mixture takes its part of.",
      valueName: "rate"), expected: "above 0 and at most 100, such as 1e-3 or 1e-3,MLM=2e-3"
  ) { $0 > 0 && $0 <= 100 }
  /// Beside its share of a mixture's sequences (see ``AntText/Mixture``).
  public let weight = TrainingOption(
    byObjective: "weight", 1,
    .init("weight", "What an objective's loss counts in mixtures, such as CLM=2.", valueName: "weight"),
    mayBeAbsent: true, expected: "0 to 1000000, such as CLM=2"
  ) { $0 >= 0 && $0 <= 1e6 }
  public let dealing = TrainingOption(
    oneOf: "dealing", Mixture.Dealing.exact,
    .init("dealing", "How a mixture deals out a step's sequences: as the shares say, or by drawing."),
    mayBeAbsent: true)
  public let learningRateFloor = TrainingOption(
    "learningRateFloor", 0.1,
    .init("lr-floor", "Where the decay ends, as a part of the peak.", valueName: "part")
  ) { value, _ in (0...1).contains(value) ? nil : "0 to 1" }
  public let warmup = TrainingOption(
    "warmup", "2%",
    .init("warmup", "Steps (300) or part (2%) of the run or phase in which the rate climbs.")
  ) { value, _ in stretchProblem(value) }
  public let learningRateShape = TrainingOption(
    oneOf: "learningRateShape", LearningRate.Shape.cosine,
    .init("lr-shape", "What comes after the warm-up; wsd holds the peak until a decay at the end."),
    mayBeAbsent: true)
  public let learningRateDecay = TrainingOption(
    "learningRateDecay", "20%",
    .init("lr-decay", "Steps (300) or part (20%) at the end in which wsd decays."),
    mayBeAbsent: true
  ) { value, options in
    value == "20%" || options.learningRateShape == .wsd
      ? stretchProblem(value) : "left out: only the shape wsd has a decay of its own"
  }
  public let learningRateDecayShape = TrainingOption(
    oneOf: "learningRateDecayShape", LearningRate.DecayShape.linear,
    .init("lr-decay-shape", "How wsd decays; sqrt is 1 - sqrt(t)."), mayBeAbsent: true
  ) { value, options in
    value == .linear || options.learningRateShape == .wsd
      ? nil : "left out: only the shape wsd has a decay of its own"
  }
  public let learningRateSpan = TrainingOption(
    oneOf: "learningRateSpan", LearningRate.Span.run,
    .init("lr-span", "One warm-up and decay over the run, or one per phase."))
  public let rewarmup = TrainingOption(
    "rewarmup", "0",
    .init("rewarmup", "Steps (30) or part (5%) of each later phase in which the rate climbs again."),
    mayBeAbsent: true
  ) { value, _ in stretchProblem(value) }
  /// The name of an ``AntAutograd/OptimizerRule``.
  public let optimizer = TrainingOption(
    "optimizer", "adamw",
    .init(
      "optimizer", "The formula of the update.",
      valueName: OptimizerRules.standard.names.joined(separator: "|")))
  /// Of hidden matrices; the others have ``learningRate``, and it takes the same course: where an objective has a rate of
  /// its own, this one goes up or down with it.
  public let matrixLearningRate = TrainingOption(
    "matrixLearningRate", 0.02, .init("muon-lr", "Peak learning rate of Muon's matrices.", valueName: "rate"),
    mayBeAbsent: true
  ) { value, _ in value > 0 && value <= 100 ? nil : "above 0 and at most 100, such as 0.02" }
  public let momentum = TrainingOption(
    "momentum", Float(0.95), .init("muon-momentum", "Muon's decay of its momentum."), mayBeAbsent: true
  ) { value, _ in (0..<1).contains(value) ? nil : "0 or more, below 1" }
  public let optimizerState = TrainingOption(
    oneOf: "optimizerState", TrainingConfiguration.OptimizerState.keep,
    .init("optimizer-state", "The optimizer's moments at the beginning of each phase."))
  public let beta1 = TrainingOption(
    "beta1", Float(0.9), .init("beta1", "The optimizer's decay of the first moment.")
  ) { value, _ in (0..<1).contains(value) ? nil : "0 or more, below 1" }
  public let beta2 = TrainingOption(
    "beta2", Float(0.999), .init("beta2", "The optimizer's decay of the second moment.")
  ) { value, _ in (0..<1).contains(value) ? nil : "0 or more, below 1" }
  public let epsilon = TrainingOption(
    "epsilon", Float(1e-8), .init("epsilon", "The optimizer's epsilon.")
  ) { value, _ in value > 0 && value < 1 ? nil : "above 0 and below 1, such as 1e-8" }
  public let weightDecay = TrainingOption(
    "weightDecay", Float(0.1),
    .init("weight-decay", "The optimizer's weight decay; norms and biases do not decay.")
  ) { value, _ in (0...100).contains(value) ? nil : "0 to 100, such as 0.1" }
  /// Gradients are scaled down to this norm.
  public let clip = TrainingOption(
    "clip", Float(1), .init("clip", "Scale gradients down to this norm; inf for no clipping.")
  ) { value, _ in value > 0 ? nil : "above 0; inf for no clipping" }
  /// Of the running mean of the weights that is evaluated and saved as the model; 0 for the weights themselves.
  public let ema = TrainingOption(
    "ema", Float(0),
    .init("ema", "Evaluate and save a running mean of the weights, such as 0.999.", valueName: "decay")
  ) { value, _ in (0..<1).contains(value) ? nil : "0 or more, below 1, such as 0.999" }
  /// Of the square of each log-sum-exp (see ``AntDevice/CrossEntropy``).
  public let zLoss = TrainingOption(
    "zLoss", Float(0),
    .init("z-loss", "Weight of the squared log-sum-exp beside each loss, such as 1e-4.", valueName: "weight"),
    mayBeAbsent: true
  ) { value, _ in (0...1).contains(value) ? nil : "0 to 1, such as 1e-4" }
  public let dropout = TrainingOption<Float?>(
    "dropout", .init("dropout", "Dropout in place of the model's own.")
  ) { value, _ in (0..<1).contains(value ?? 0) ? nil : "0 or more, below 1" }
  public let maskRate = TrainingOption(
    "maskRate", Float(0.15), .init("mask-rate", "Part of the tokens MLM and MNTP predict.")
  ) { value, _ in (0.01...1).contains(value) ? nil : "0.01 to 1" }
  public let finalMaskRate = TrainingOption<Float?>(
    "finalMaskRate",
    .init("final-mask-rate", "What that part has become at the last step, on a straight line.")
  ) { value, _ in (0.01...1).contains(value ?? 1) ? nil : "0.01 to 1" }
  public let maskUnit = TrainingOption(
    oneOf: "maskUnit", Masking.Unit.tokens, .init("mask-unit", "What they choose at a time."))
  /// Evaluations are computed in float32. Runs that began before there was this option were computed in float32 too.
  public let precision = TrainingOption(
    oneOf: "precision", Precision.float32,
    .init("precision", "What the operands of products are rounded to; memory and sums stay float32."),
    mayBeAbsent: true)

  public let evaluateEvery = TrainingOption(
    "evaluateEvery", 500,
    .init("eval-every", "Steps between evaluations; 0 for ends of phases only.", valueName: "n")
  ) { value, _ in value >= 0 ? nil : "0 or more" }
  public let evaluateFirst = TrainingOption(
    "evaluateFirst", false,
    .init(
      "eval-first", "Evaluate before the first step too, which takes as long as any evaluation.",
      isSwitch: true))
  public let evaluationSequences = TrainingOption(
    "evaluationSequences", 512,
    .init("eval-sequences", "Sequences an evaluation reads; 0 for all.", valueName: "n")
  ) { value, _ in value >= 0 ? nil : "0 or more" }
  /// An objective of the schedule, or one that is always evaluated; nil for the mean of all.
  public let bestBy = TrainingOption<String?>(
    "bestBy",
    .init(
      "best-by",
      "Whose dev loss tells the best checkpoint, such as CLM; the mean of all where none is named.",
      valueName: "objective"))
  public let checkpointEvery = TrainingOption(
    "checkpointEvery", 500,
    .init("checkpoint-every", "Steps between checkpoints; 0 for ends of phases only.", valueName: "n")
  ) { value, _ in value >= 0 ? nil : "0 or more" }
  public let keep = TrainingOption(
    "keep", 2, .init("keep", "Checkpoints to keep beside the best; 0 for all.", valueName: "n"), role: .run
  ) { value, _ in value >= 0 ? nil : "0 or more" }

  /// Schedules that the run was prolonged by, one after another.
  public let extensions = TrainingOption(kept: "extensions", [String](), mayBeAbsent: true)
  /// The device's identifier, and its name.
  public let device = TrainingOption(kept: "device", "")
  public let deviceName = TrainingOption(kept: "deviceName", "")
  /// Which kernels were asked for.
  public let kernels = TrainingOption(kept: "kernels", "auto")
  /// How the device cut its work when the run began; nil where its own rules decided everything.
  public let tuning = TrainingOption(kept: "tuning", Tuning?.none, mayBeAbsent: true)
  /// What tokenizer and text were when the run began.
  public let trainingTokens = TrainingOption(kept: "trainingTokens", 0)
  public let developmentTokens = TrainingOption(kept: "developmentTokens", 0)
  public let textChecksum = TrainingOption(kept: "textChecksum", "")
  public let tokenizerChecksum = TrainingOption(kept: "tokenizerChecksum", "")
}

/// What is wrong with the notation of ``LearningRate/Stretch``.
private func stretchProblem(_ text: String) -> String? {
  LearningRate.Stretch(text) != nil ? nil : "steps such as 300, or a part from 0% to 100% such as 2%"
}
