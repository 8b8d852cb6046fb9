import AntModels
import AntTestSupport
import Foundation
import Testing

@testable import AntEvaluation
@testable import AntInference
@testable import AntTraining

/// Fine-tuning to classify, on a task that a tiny model learns in a second.
@Suite struct ClassificationTests {
  private let tiny: TinyRun
  private let training: ClassificationExamples
  private let validation: ClassificationExamples

  init() throws {
    tiny = try TinyRun()
    _ = try tiny.start("run", tiny.configuration("3s_CLM+3s_MLM")).train()
    training = try Self.examples(0..<40, tiny.scratch)
    validation = try Self.examples(40..<60, tiny.scratch)
  }

  /// Label 1 where somebody sees a ball, whoever it is.
  private static func examples(_ numbers: Range<Int>, _ scratch: Scratch) throws -> ClassificationExamples {
    let subjects = ["The dog", "A small cat", "Anna", "My old neighbor", "This girl"]
    let rest = [("sees the ball.", 1), ("hugs a bird.", 0), ("follows her.", 0)]
    let lines = numbers.map { number in
      let (text, label) = rest[number % 3]
      return "{\"sentence\": \"\(subjects[number % 5]) \(text)\", \"label\": \(label), \"idx\": \(number)}"
    }
    return try ClassificationExamples(
      scratch.write(lines.joined(separator: "\n"), to: "\(numbers.lowerBound).jsonl"), .sst2)
  }

  private func classification(
    _ year: ClassificationRecipe.Year, _ mode: Embedder.Mode? = nil, threads: Int = 1,
    _ change: (inout ClassificationRecipe) -> Void = { _ in }
  ) throws -> Classification {
    var recipe = ClassificationRecipe(year, .sst2)
    recipe.settings.learningRate = 2e-2
    recipe.settings.batch = 8
    recipe.settings.epochs = 12
    change(&recipe)
    return try Classification(
      TrainedModel(tiny.scratch.path("run"), on: tiny.device(threads: threads)), .sst2, training: training,
      validation: validation, recipe: recipe, mode: mode)
  }

  @Test(arguments: ClassificationRecipe.Year.allCases, [Embedder.Mode.causal, .masked])
  func learnsATask(_ year: ClassificationRecipe.Year, _ mode: Embedder.Mode) throws {
    let classification = try classification(year, mode)
    #expect(classification.majority.label == 0)
    let result = try #require(try classification(seed: 3))
    #expect(result.scores.accuracy == 1 && result.figure == 1)
    #expect(result.predictions == validation.examples.map(\.label))
    #expect(classification.scores(of: result.predictions) == result.scores)
    if year == .babylm2024 {
      // Patience ends it three epochs after the last gain.
      #expect(result.outcome == .stoppedEarly && result.epochs == result.bestEpoch + 3)
    } else {
      #expect(result.outcome == .finished && result.epochs == 12)
    }
  }

  /// A batch that is run in parts, dropout drawn, gives the weights of the whole but for the order of sums.
  @Test func partsMakeTheWhole() throws {
    func weights(positions: Int?) throws -> [Float] {
      var classification = try classification(.babylm2025) { $0.settings.epochs = 2 }
      if let positions { classification.positions = positions }
      return try #require(try classification(seed: 3)).classifier.parameters.read()
    }
    let whole = try weights(positions: nil)
    let parts = try weights(positions: 30)
    #expect(parts != whole, "a batch of eight was not split")
    let difference = zip(whole, parts).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    let norm = whole.reduce(0) { $0 + Double($1 * $1) }
    #expect(difference.squareRoot() < 1e-4 * norm.squareRoot(), "\((difference / norm).squareRoot())")
  }

  /// The same seed gives the same weights to the bit, with any number of threads, and also where a seed was run before.
  @Test func theSeedDecidesEverything() throws {
    func weights(_ classification: Classification, seed: UInt64) throws -> [Float] {
      try #require(try classification(seed: seed)).classifier.parameters.read()
    }
    let one = try classification(.babylm2025) { $0.settings.epochs = 2 }
    let first = try weights(one, seed: 3)
    let other = try weights(one, seed: 4)
    #expect(first != other)
    #expect(try weights(one, seed: 3) == first)
    #expect(
      try weights(classification(.babylm2025, threads: 2) { $0.settings.epochs = 2 }, seed: 3) == first)
  }

  /// The classifier kept is that of the best epoch: classifying again gives its predictions.
  @Test func keepsTheBestEpoch() throws {
    let long = try classification(.babylm2025) {
      $0.settings.epochs = 6
      $0.settings.warmup = 0.07
      $0.settings.learningRate = 0.5
      $0.settings.schedule = .constant
    }
    var figures: [Double] = []
    let result = try #require(
      try long(seed: 3, report: { if let figure = $0.figure { figures.append(figure) } }))
    let best = try #require(figures.max())
    #expect(result.figure == best && result.bestEpoch == 1 + (figures.firstIndex(of: best) ?? -1))
    #expect(figures.last != best, "the figures \(figures) do not tell the best epoch from the last")
    #expect(
      try result.classifier.predictions(
        for: long.validation, mode: long.mode, readsLast: long.readsLast, padding: 0) == result.predictions)
    #expect(result.scores.accuracy == best)
  }

  @Test func stopping() throws {
    let classification = try classification(.babylm2025)
    #expect(try classification(seed: 3, until: { true }) == nil)
    var steps = 0
    let result = try classification(seed: 3, until: { steps >= 7 }, report: { _ in steps += 1 })
    #expect(result?.outcome == .interrupted && result?.epochs == 1)
  }

  /// Inputs are cut to the recipe's length, or to the model's positions.
  @Test func lengths() throws {
    let cut = try classification(.babylm2024) { $0.length = 6 }
    #expect(cut.length == 6 && cut.cut.training > 0 && cut.cut.validation > 0)
    let whole = try classification(.babylm2024)
    #expect(whole.length == 32 && whole.cut == (0, 0))
    #expect(throws: TrainingError.self) { try classification(.babylm2024) { $0.length = 3 } }
    #expect(throws: TrainingError.self) { try classification(.babylm2024) { $0.settings.batch = 0 } }
  }

  /// As the table of ``ClassificationRecipe`` says.
  @Test func recipes() throws {
    let llama = LlamaConfiguration(
      vocabularySize: 30, hiddenSize: 8, intermediateSize: 8, layers: 1, heads: 2, initializerRange: 0.03)
    let bert = LTGBertConfiguration(
      vocabularySize: 30, hiddenSize: 8, intermediateSize: 8, layers: 1, heads: 2)
    let (old, new) = (
      ClassificationRecipe(.babylm2024, .mnli), ClassificationRecipe(.babylm2025, .boolq)
    )
    #expect(old.head(for: llama, labels: 3).segments.map(\.shape) == [[3, 8]])
    #expect(old.head(for: llama, labels: 3).initialization == .normal(deviation: 0.03))
    #expect(old.head(for: bert, labels: 3).segments.map(\.shape) == [[8, 8], [8], [3, 8], [3]])
    #expect(old.head(for: bert, labels: 3).normEpsilon == 1e-7)
    for model in [llama, bert] as [any Architecture] {
      let head = new.head(for: model, labels: 2)
      #expect(head.kind == .transform && head.dropout == 0.1 && head.initialization == .uniform)
      #expect(old.readsLast(model, .causal) && new.readsLast(model, .causal))
      #expect(!new.readsLast(model, .masked))
    }
    #expect(old.readsLast(llama, .masked) && !old.readsLast(bert, .masked))
    #expect(ClassificationRecipe.defaultMode(llama) == .causal)
    #expect(ClassificationRecipe.defaultMode(bert) == .masked)
    #expect(old.selection == .accuracy && old.length == 128 && old.settings.seed == 12)
    #expect(new.settings.batch == 16 && new.length == 512 && new.settings.seed == 42)
    #expect(ClassificationRecipe(.babylm2025, .wsc).settings.epochs == 30)
    #expect(ClassificationRecipe(.babylm2024, .rte).selection == .f1)
    for (task, metric) in [
      (.mrpc, .f1), (.qqp, .f1), (.cola, .matthews), (.rte, .accuracy), (.mnli, .accuracy),
    ] as [(ClassificationTask, ClassificationScores.Metric)] {
      #expect(task.headline == metric && ClassificationRecipe(.babylm2025, task).selection == metric)
    }
  }

  /// The folder opens as any model, the fine-tuned one; the head lies beside it. It is whole or absent.
  @Test func folder() throws {
    let classification = try classification(.babylm2025) { $0.settings.epochs = 1 }
    let result = try #require(try classification(seed: 3))
    let path = tiny.scratch.path("out")
    try classification.write(result, to: path)
    let read = try TrainedModel(path, on: tiny.device())
    let model = result.classifier.model
    for segment in read.model.parameters.segments {
      #expect(
        try model.device.read(model.parameters[segment.name].vector)
          == read.model.device.read(read.model.parameters[segment.name].vector), "\(segment.name)")
    }
    let head = try SafeTensors(contentsOf: URL(filePath: path).appending(path: "classifier.safetensors"))
    #expect(head.entries.count == 4)
    let description = try String(
      contentsOf: URL(filePath: path).appending(path: "classifier.json"), encoding: .utf8)
    #expect(
      description
        == #"{"task":"sst2","labels":2,"kind":"transform","mode":"causal","reads":"last","length":32,"#
        + "\"layer_norm_eps\":1e-05}\n")
    let reread = try TrainedClassifier(path, on: tiny.device())
    #expect(reread.task == .sst2 && reread.mode == .causal && reread.length == 32)
    #expect(try reread.classifier.parameters.read() == result.classifier.parameters.read())
    #expect(try reread.predictions(for: validation) == (result.predictions, 0))
    #expect(throws: RunError.folderNotEmpty(path: path)) { try classification.write(result, to: path) }
    #expect(throws: RunError.folderNotEmpty(path: path)) { try ModelExchange.requireNew(path) }
    try ModelExchange.requireNew(tiny.scratch.path("new"))
  }

  /// Folders that hold no classifier, or a damaged one: one line each.
  @Test func damagedFolders() throws {
    let classification = try classification(.babylm2024) { $0.settings.epochs = 1 }
    let path = tiny.scratch.path("out")
    try classification.write(try #require(try classification(seed: 3)), to: path)
    func refusal() throws -> String {
      let error = #expect(throws: (any Error).self) { try TrainedClassifier(path, on: tiny.device()) }
      let text = "\(try #require(error))"
      #expect(!text.contains("\n"))
      return text
    }
    _ = try TrainedClassifier(path, on: tiny.device())
    #expect(throws: ClassifierError.self) {
      try TrainedClassifier(tiny.scratch.path("run"), on: tiny.device())
    }
    let file = URL(filePath: path).appending(path: "classifier.json")
    let good = try String(contentsOf: file, encoding: .utf8)
    for (old, new) in [
      ("sst2", "sst9"), ("\"labels\":2", "\"labels\":3"), ("linear", "circular"), ("last", "middle"),
      ("causal", "casual"), ("\"length\":32", "\"length\":-1"), ("{", "["), ("\"length\"", "\"width\""),
    ] {
      #expect(good.contains(old))
      try Data(good.replacingOccurrences(of: old, with: new).utf8).write(to: file)
      #expect(try refusal().contains("classifier.json"), "\(new)")
    }
    // The last of them: what is missing is named.
    #expect(try refusal().contains("no \"length\""))
    #expect(throws: RunError.missing(path: "/nowhere")) {
      try TrainedClassifier("/nowhere", on: tiny.device())
    }
    // Another kind of head than its tensors are.
    try Data(good.replacingOccurrences(of: "linear", with: "transform").utf8).write(to: file)
    #expect(try refusal().contains("head.nonlinearity.1.weight"))
    try Data(good.utf8).write(to: file)
    let tensors = URL(filePath: path).appending(path: "classifier.safetensors")
    try Data(try Data(contentsOf: tensors).dropLast(4)).write(to: tensors)
    #expect(try refusal().contains("classifier.safetensors"))
  }
}
