import AntAutograd
import AntBatch
import AntDevice
import AntDevices
import AntModels
import Testing

@testable import AntEvaluation
@testable import AntTraining

@Suite struct FineTunerTests {
  /// Four weights and examples i = 0, 1, … that want each of them to be i:
  /// loss = mean over examples of the sum of (w - i)^2 / 2.
  final class Quadratic: Trainable {
    let parameters: Parameters
    private(set) var tuner: FineTuner!
    private(set) var batches: [[Int]] = []
    private(set) var weights: [[Float]] = []
    private(set) var lines: [FineTuningStep] = []
    /// Added to the first gradient of the step of this number.
    var spoiled: (step: Int, value: Float)?

    init(examples: Int = 6, _ settings: FineTuningSettings) throws {
      let device = try Devices.open("cpu", options: DeviceOptions(threads: 1)).device
      parameters = Parameters([.vector("w", count: 4)], on: device)
      tuner = try FineTuner(self, examples: examples, dropout: .none, settings: settings)
    }

    func train(until stop: (Int) -> Bool = { _ in false }, figures: [Double?]) throws -> FineTuner.Outcome {
      func evaluate() throws -> Double? {
        weights.append(try parameters.read())
        return figures[weights.count - 1]
      }
      return try tuner.train(
        until: { stop(lines.count) }, report: { lines.append($0) }, evaluate: evaluate,
        parts: { examples in
          batches.append(examples)
          return [
            Batch(
              examples.map { TokenSequence([0], seesAll: true, labels: [.init(Int32($0), at: 0)]) },
              padding: 0)
          ]
        })
    }

    func accumulateGradients(_ batch: Batch, dropout: DropoutContext, into loss: LossSum) {
      let device = parameters.device
      guard let values = try? parameters.read(), let slice = parameters.gradients,
        var gradients = try? device.read(slice)
      else { preconditionFailure("Quadratic: a device that failed") }
      #expect(gradients.allSatisfy { $0 == 0 })
      var sum: Float = 0
      for element in 0..<4 {
        for example in batch.labels {
          let error = values[element] - Float(example)
          gradients[element] += loss.scale * error
          sum += loss.scale * error * error / 2
        }
      }
      if let spoiled, spoiled.step == batches.count { gradients[0] += spoiled.value }
      device.write(gradients, to: slice)
      device.write([sum], to: loss.storage)
    }
  }

  static func settings(epochs: Int, batch: Int = 4, patience: Int? = nil) -> FineTuningSettings {
    FineTuningSettings(
      learningRate: 0.1, batch: batch, epochs: epochs, patience: patience, schedule: .constant,
      clip: .infinity,
      seed: 5)
  }

  @Test func everyEpochReadsEveryExampleOnceInAnOrderOfItsOwn() throws {
    let run = try Quadratic(Self.settings(epochs: 3))
    #expect(try run.train(figures: [1, 2, 3]) == .finished)
    #expect(run.batches.map(\.count) == [4, 2, 4, 2, 4, 2])
    let epochs = [0, 2, 4].map { run.batches[$0] + run.batches[$0 + 1] }
    for epoch in epochs { #expect(epoch.sorted() == Array(0..<6)) }
    #expect(Set(epochs).count == 3)
    #expect(run.lines.map(\.epoch) == [1, 1, 2, 2, 3, 3])
    #expect(run.lines.map(\.figure) == [nil, 1, nil, 2, nil, 3])
    // The gradient of the first batch at zero weights.
    let mean = Float(run.batches[0].reduce(0, +)) / 4
    #expect(abs(run.lines[0].gradientNorm - 2 * mean) < 1e-5)

    var dropping = Self.settings(epochs: 2)
    dropping.dropsLast = true
    let short = try Quadratic(dropping)
    #expect(try short.train(figures: [1, 2]) == .finished)
    #expect(short.batches.map(\.count) == [4, 4])
    // Fewer examples than a batch still are one.
    let few = try Quadratic(examples: 3, dropping)
    #expect(try few.train(figures: [1, 2]) == .finished)
    #expect(few.batches.map { $0.sorted() } == [[0, 1, 2], [0, 1, 2]])
  }

  @Test func theSeedDecidesEverything() throws {
    func train(_ seed: UInt64) throws -> (weights: [Float], batches: [[Int]]) {
      var settings = Self.settings(epochs: 3)
      settings.seed = seed
      let run = try Quadratic(settings)
      _ = try run.train(figures: [1, 2, 3])
      return (try run.parameters.read(), run.batches)
    }
    let (first, second, other) = (try train(5), try train(5), try train(6))
    #expect(first == second)
    #expect(first.batches != other.batches && first.weights != other.weights)
  }

  /// The weights kept are those of the best epoch, the first of equals; a gain too small is the best and yet no
  /// reason to go on.
  @Test func patience() throws {
    var settings = Self.settings(epochs: 9, patience: 2)
    let run = try Quadratic(settings)
    #expect(try run.train(figures: [0.5, 0.4, 0.7, 0.7, 0.6, 1]) == .stoppedEarly)
    #expect(run.tuner.bestEpoch == 3 && run.tuner.bestFigure == 0.7)
    #expect(run.tuner.figures == [0.5, 0.4, 0.7, 0.7, 0.6])
    #expect(try run.parameters.read() == run.weights[2])
    #expect(run.weights[2] != run.weights[4])
    #expect(run.lines.filter(\.isBest).map(\.epoch) == [1, 3])

    settings.minimumGain = 0.01
    let small = try Quadratic(settings)
    #expect(try small.train(figures: [0.5, 0.505, 0.509, 1]) == .stoppedEarly)
    #expect(small.tuner.bestEpoch == 3)
    #expect(try small.parameters.read() == small.weights[2])

    let patient = try Quadratic(Self.settings(epochs: 4, patience: nil))
    #expect(try patient.train(figures: [0.5, 0.4, 0.3, 0.2]) == .finished)
    #expect(try patient.parameters.read() == patient.weights[0])
  }

  @Test func interruption() throws {
    let early = try Quadratic(Self.settings(epochs: 3))
    #expect(try early.train(until: { $0 >= 1 }, figures: []) == .interrupted)
    #expect(early.lines.count == 1 && early.tuner.bestEpoch == nil)
    let late = try Quadratic(Self.settings(epochs: 3))
    #expect(try late.train(until: { $0 >= 3 }, figures: [1, 2]) == .interrupted)
    #expect(late.lines.count == 3)
    #expect(try late.parameters.read() == late.weights[0])
    // Inside an evaluation.
    let inside = try Quadratic(Self.settings(epochs: 3))
    #expect(try inside.train(figures: [1, nil]) == .interrupted)
    #expect(try inside.parameters.read() == inside.weights[0])
  }

  @Test func whatIsNotFinite() throws {
    let run = try Quadratic(Self.settings(epochs: 3))
    run.spoiled = (3, .nan)
    let error = try #require(throws: FineTuningError.self) { try run.train(figures: [1, 2, 3]) }
    guard case .notFinite(3, 2, _, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(error.description.contains("step 3 (epoch 2)") && !error.description.contains("\n"))
    #expect(try run.parameters.read() == run.weights[0])
    let figure = try Quadratic(Self.settings(epochs: 3))
    #expect(throws: FineTuningError.figureNotFinite(epoch: 1)) { try figure.train(figures: [.nan]) }
  }

  /// By hand, from the formulas: 20 steps, of which 0.1 are warm-up.
  @Test func rates() {
    var settings = FineTuningSettings(learningRate: 1, warmup: 0.1, schedule: .linear, floor: 0)
    func rates(_ steps: [Int]) -> [Float] { steps.map { settings.rate(step: $0, of: 20) } }
    func expect(_ found: [Float], _ expected: [Float]) {
      for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-6, "\(found)") }
    }
    expect(rates([1, 2, 3, 12, 20]), [0, 0.5, 1, 0.5, 1.0 / 18])
    settings.schedule = .cosine
    settings.floor = 0.1
    expect(rates([1, 2, 3, 12]), [0, 0.5, 1, 0.55])
    expect(rates([9]), [0.1 + 0.9 * 0.75])  // cos(pi / 3) = 1/2
    settings.schedule = .constant
    expect(rates([1, 2, 3, 20]), [0, 0.5, 1, 1])
    settings.warmup = 0
    expect(rates([1, 20]), [1, 1])
  }

  @Test func settingsThatCannotBe() {
    for (change, option) in [
      ({ $0.learningRate = 0 }, "learningRate"), ({ $0.batch = 0 }, "batch"), ({ $0.epochs = 0 }, "epochs"),
      ({ $0.patience = 0 }, "patience"), ({ $0.warmup = 1 }, "warmup"),
      ({ $0.floor = 2 }, "learningRateFloor"),
      ({ $0.clip = 0 }, "clip"), ({ $0.optimizer.weightDecay = -1 }, "weightDecay"),
      ({ $0.learningRate = .nan }, "learningRate"),
    ] as [((inout FineTuningSettings) -> Void, String)] {
      var settings = FineTuningSettings()
      change(&settings)
      let error = #expect(throws: TrainingError.self) { try settings.validate() }
      #expect(error?.description.hasPrefix(option) == true && error?.isUsage == true)
    }
  }
}
