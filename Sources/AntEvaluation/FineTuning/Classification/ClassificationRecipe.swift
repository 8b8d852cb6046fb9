import AntAutograd
import AntInference
import AntModels

/// How the BabyLM evaluation of a year fine-tunes.
///
/// |               | 2024                               | 2025                                          |
/// |---------------|------------------------------------|-----------------------------------------------|
/// | head          | the architecture's own             | norm, linear, GELU, norm, dropout 0.1, linear |
/// | reads         | the last token; the first where    | the first token                               |
/// |               | the architecture sees both ways    |                                               |
/// | tokens        | 128                                | 512                                           |
/// | learning rate | 5e-5, linear to 0                  | 3e-5, warm-up 6 %, cosine to 10 %             |
/// | batch         | 64                                 | 32; 16 for BoolQ and MultiRC; short ones wait |
/// | epochs        | 10, patience 3 (gains over 0.001)  | 10; 30 for WSC                                |
/// | AdamW         | no decay, clip 1                   | decay 0.01, no clip                           |
/// | best epoch by | F1; accuracy where labels are three | accuracy; F1 for MRPC and QQP                |
/// | seed          | 12                                 | 42                                            |
///
/// Under a causal mask the first token sees itself alone, so there the last one is read under either recipe, as
/// the evaluation of 2025 can be told to. Decay leaves norms and biases alone, as everywhere here; the evaluation
/// of 2025 decays all. It has no CoLA; its best epoch is then taken by Matthews' correlation.
public struct ClassificationRecipe: Sendable, Equatable {
  public enum Year: String, Sendable, CaseIterable {
    case babylm2024 = "2024"
    case babylm2025 = "2025"
  }

  public var settings: FineTuningSettings
  /// Tokens of an input at most, special ones included; less where the model has fewer positions.
  public var length: Int
  /// What the best epoch is chosen by, and patience judges.
  public var selection: ClassificationScores.Metric
  public let year: Year

  public init(_ year: Year, _ task: ClassificationTask) {
    self.year = year
    switch year {
    case .babylm2024:
      settings = FineTuningSettings(
        learningRate: 5e-5, batch: 64, epochs: 10, patience: 3, minimumGain: 0.001, schedule: .linear,
        optimizer: Optimizer.Settings(weightDecay: 0), clip: 1, seed: 12)
      length = 128
      selection = task.labels == 2 ? .f1 : .accuracy
    case .babylm2025:
      settings = FineTuningSettings(
        learningRate: 3e-5, batch: task == .boolq || task == .multirc ? 16 : 32,
        epochs: task == .wsc ? 30 : 10, patience: nil, warmup: 0.06, schedule: .cosine, floor: 0.1,
        optimizer: Optimizer.Settings(weightDecay: 0.01), clip: .infinity, dropsLast: true, seed: 42)
      length = 512
      selection = task.headline
    }
  }

  /// The head for a model.
  public func head(for model: any Architecture, labels: Int) -> ClassificationHead {
    switch year {
    case .babylm2024: model.classificationHead(labels: labels)
    case .babylm2025:
      ClassificationHead(
        .transform, labels: labels, hiddenSize: model.hiddenSize, dropout: 0.1, initialization: .uniform)
    }
  }

  /// Whether the head reads the last token rather than the first.
  public func readsLast(_ model: any Architecture, _ mode: Embedder.Mode) -> Bool {
    mode == .causal || year == .babylm2024 && Self.defaultMode(model) == .causal
  }

  /// What transformers lets the model see.
  public static func defaultMode(_ model: any Architecture) -> Embedder.Mode {
    type(of: model).pattern == .bidirectional ? .masked : .causal
  }
}
