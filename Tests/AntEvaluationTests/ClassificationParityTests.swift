import AntDevice
import AntDevices
import AntModels
import AntRandom
import Foundation
import Testing

@testable import AntEvaluation
@testable import AntInference

/// Fine-tuning against PyTorch and transformers (tools/reference/classify_steps.py): every step's loss, gradient norm
/// and learning rate, and the logits in the end.
@Suite struct ClassificationParityTests {
  struct Fixture: Decodable {
    struct Run: Decodable {
      var architecture: String
      var year: String
      var causal: Bool
      var losses: [Double]
      var norms: [Double]
      var rates: [Double]
      var logits: [Double]
    }
    var seed: UInt64
    var examples: Int
    var batch: Int
    var epochs: Int
    var rate: Double
    var runs: [Run]
  }

  static let vocabulary = 256

  @Test(arguments: 0..<4) func fineTuning(_ number: Int) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "tools/reference/classify_steps.json")
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: file))
    let run = fixture.runs[number]
    let configuration: ModelConfiguration =
      run.architecture == "llama"
      ? ModelConfiguration(
        LlamaConfiguration(
          vocabularySize: Self.vocabulary, hiddenSize: 64, intermediateSize: 96, layers: 3, heads: 4))
      : ModelConfiguration(
        LTGBertConfiguration(
          vocabularySize: Self.vocabulary, hiddenSize: 64, intermediateSize: 96, layers: 3, heads: 4,
          hiddenDropout: 0, attentionDropout: 0))
    // Any task of two labels.
    var recipe = ClassificationRecipe(try #require(.init(rawValue: run.year)), .rte)
    recipe.settings.learningRate = fixture.rate
    recipe.settings.batch = fixture.batch
    recipe.settings.epochs = fixture.epochs
    recipe.settings.seed = fixture.seed
    recipe.settings.patience = nil
    if run.year == "2025" { recipe.settings.warmup = 0.25 }
    let mode: Embedder.Mode = run.causal ? .causal : .masked
    let readsLast = recipe.readsLast(configuration.architecture, mode)

    func remainders(_ layer: Int, _ step: Int, _ count: Int, _ divisor: UInt32) -> [Int32] {
      let stream = RandomStream(seed: fixture.seed, purpose: .sampling, layer: layer, step: step)
      return (0..<UInt64(count)).map { Int32(stream.word($0) % divisor) }
    }
    let sequences = remainders(2, 0, fixture.examples, 14).enumerated().map { example, length in
      remainders(3, example, 3 + Int(length), UInt32(Self.vocabulary - 4)).map { 4 + $0 }
    }
    let inputs = ClassificationInputs(
      sequences: sequences, labels: remainders(4, 0, fixture.examples, 2), cut: 0)

    let device = try Devices.open("cpu", options: DeviceOptions(threads: 1)).device
    let classifier = SequenceClassifier(
      configuration.architecture.makeModel(seed: fixture.seed, on: device),
      head: recipe.head(for: configuration.architecture, labels: 2), seed: fixture.seed)
    let tuner = try FineTuner(
      classifier, examples: fixture.examples, dropout: .none, settings: recipe.settings)
    var lines: [FineTuningStep] = []
    let all = inputs.batch(Array(0..<fixture.examples), mode: mode, readsLast: readsLast, padding: 0)
    var logits: [Float] = []
    _ = try tuner.train(
      report: { lines.append($0) },
      evaluate: {
        logits = try classifier.logits(all, rows: all.labelRows)
        return Double(lines.count)
      },
      parts: { [inputs.batch($0, mode: mode, readsLast: readsLast, padding: 0)] })

    #expect(lines.count == run.losses.count)
    for (line, expected) in zip(lines, zip(run.losses, zip(run.norms, run.rates))) {
      let (loss, (norm, rate)) = expected
      #expect(abs(Double(line.loss) / loss - 1) < 1e-5, "step \(line.step): \(line.loss), expected \(loss)")
      #expect(
        abs(Double(line.gradientNorm) / norm - 1) < 1e-4,
        "step \(line.step): norm \(line.gradientNorm), expected \(norm)")
      #expect(abs(Double(line.learningRate) - rate) < 1e-9, "step \(line.step): rate \(line.learningRate)")
    }
    let error = zip(logits, run.logits).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    #expect(logits.count == run.logits.count && error < 1e-5, "logits off by \(error)")
  }
}
