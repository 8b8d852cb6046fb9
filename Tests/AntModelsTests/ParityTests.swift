import AntAutograd
import AntBatch
import AntDevice
import AntDevices
import AntModels
import AntRandom
import AntTestSupport
import Foundation
import Testing

/// Both architectures against PyTorch in double precision (tools/reference/parity.py): logits to 1e-4, every
/// tensor's gradient to 1e-4 of its norm, twenty losses of training to 1e-4; both masks, both layouts of the position
/// projection, with and without dropout, short, long and packed sequences.
@Suite(.serialized, .optimized) struct ParityTests {
  struct Fixture: Decodable {
    var seed: UInt64
    var dropoutStep: Int
    var steps: Int
    var sequences: Int
    var length: Int
    var learningRate: Float
    var warmup: Int
    var weightDecay: Float
    var maximumNorm: Float
    var cases: [Case]
    var training: [Training]
  }

  struct Case: Decodable {
    var architecture: String
    var layout: LTGBertConfiguration.PositionProjection
    var mask: String
    var length: Int
    var sequences: Int
    var dropout: Float
    var documents: [[[Int]]]?
    var loss: Double
    var rows: [Int32]?
    var logits: [Float]?
    var gradients: [Gradient]

    var name: String {
      "\(architecture) \(layout) \(mask) \(length)\(documents == nil ? "" : " packed") p \(dropout)"
    }
  }

  struct Gradient: Decodable {
    var tensor: String
    var norm: Double
    var projections: [Double]
    var rowNorms: [Double]?
    var rowProjections: [[Double]]?
  }

  struct Training: Decodable {
    var architecture: String
    var layout: LTGBertConfiguration.PositionProjection
    var mask: String
    var dropout: Float
    var losses: [Double]
  }

  private static let fixture = Result {
    try JSONDecoder().decode(
      Fixture.self, from: Data(contentsOf: referenceFolder.appendingPathComponent("parity.json")))
  }

  static func open(_ name: String) throws -> any Device {
    guard name == "opencl, kernels for GPUs" else { return try openDevice(name) }
    return try Devices.open("opencl", options: DeviceOptions(kernels: .gpu)).device
  }

  static let devices = deviceNames + (deviceNames.contains("opencl") ? ["opencl, kernels for GPUs"] : [])

  @Test(arguments: devices) func logitsAndGradients(name: String) throws {
    let fixture = try Self.fixture.get()
    let device = try Self.open(name)
    #expect(fixture.cases.count == 60)
    for example in fixture.cases { try compare(example, fixture, on: device) }
  }

  private func compare(_ example: Case, _ fixture: Fixture, on device: any Device) throws {
    let model = self.model(
      example.architecture, example.layout, sizes: (61, 24, 40, 2, 2), seed: fixture.seed, on: device)
    let documents =
      example.documents?.map { $0.map { $0[0]..<$0[1] } }
      ?? Array(repeating: [0..<example.length], count: example.sequences)
    let (input, labels) = batch(
      vocabulary: 61, documents: documents, length: example.length, mask: example.mask, seed: fixture.seed,
      step: 0)
    if let rows = example.rows, let expected = example.logits {
      let logits = try model.logits(input, rows: rows)
      // A position outside every document sees nothing, which transformers does otherwise.
      let worst = zip(logits, expected).enumerated().filter { place, _ in
        let (sequence, position) = Int(rows[place / 61]).quotientAndRemainder(dividingBy: example.length)
        return documents[sequence].contains { $0.contains(position) }
      }.map { abs($1.0 - $1.1) }.max()
      #expect(try #require(worst) < 1e-4, "\(example.name): logits off by \(worst ?? 0)")
    }
    model.parameters.makeGradients()
    let loss = device.makeBuffer([0] as [Float])[...]
    model.accumulateGradients(
      input.predicting(labels),
      dropout: DropoutContext(
        rates: DropoutRates(hidden: example.dropout, attention: example.dropout), seed: fixture.seed,
        step: fixture.dropoutStep),
      into: LossSum(loss, scale: 1 / Float(labels.count)))
    let value = Double(try device.read(loss)[0])
    #expect(abs(value / example.loss - 1) < 1e-5, "\(example.name): loss \(value), \(example.loss) there")
    let flat = try device.read(try #require(model.parameters.gradients))
    let tensors = model.parameters.segments.flatMap(\.tensors)
    #expect(Set(tensors.map(\.name)) == Set(example.gradients.map(\.tensor)), "\(example.name)")
    for expected in example.gradients {
      let tensor = try #require(tensors.first { $0.name == expected.tensor })
      let values = flat[tensor.range]
      let rows = expected.rowNorms?.count ?? 1
      let own = Self.project(Array(values), count: expected.projections.count, rows: rows, seed: fixture.seed)
      let error = Self.rootMeanSquare(
        own.enumerated().map { $1.reduce(0, +) - expected.projections[$0] })
      #expect(
        error <= 1e-4 * expected.norm,
        "\(example.name): \(expected.tensor) off by \(error / expected.norm) of its norm")
      guard let norms = expected.rowNorms, let projections = expected.rowProjections else { continue }
      for row in 0..<rows {
        let error = Self.rootMeanSquare(projections[row].enumerated().map { own[$0][row] - $1 })
        // Rows of distances that do not occur have no gradient at all.
        #expect(
          error <= 1e-4 * norms[row], "\(example.name): row \(row) of \(expected.tensor), norm \(norms[row])")
      }
    }
  }

  @Test(arguments: devices) func twentySteps(name: String) throws {
    let fixture = try Self.fixture.get()
    let device = try Self.open(name)
    #expect(fixture.training.count == 8)
    for run in fixture.training {
      let model = self.model(
        run.architecture, run.layout, sizes: (256, 64, 96, 3, 4), seed: fixture.seed, on: device)
      let optimizer = Optimizer(model.parameters, settings: .init(weightDecay: fixture.weightDecay))
      let loss = device.makeBuffer(.float32, count: 1)[...]
      var worst = 0.0
      for step in 1...fixture.steps {
        let documents = Array(repeating: [0..<fixture.length], count: fixture.sequences)
        let (input, labels) = batch(
          vocabulary: 256, documents: documents, length: fixture.length, mask: run.mask, seed: fixture.seed,
          step: step % 3)
        model.parameters.zeroGradients()
        device.write([0] as [Float], to: loss)
        model.accumulateGradients(
          input.predicting(labels),
          dropout: DropoutContext(
            rates: DropoutRates(hidden: run.dropout, attention: run.dropout), seed: fixture.seed, step: step),
          into: LossSum(loss, scale: 1 / Float(labels.count)))
        optimizer.update(
          learningRate: fixture.learningRate * min(1, Float(step) / Float(fixture.warmup)),
          maximumNorm: fixture.maximumNorm, loss: loss)
        worst = max(worst, abs(Double(try optimizer.status().loss) / run.losses[step - 1] - 1))
      }
      #expect(
        worst < 1e-4, "\(run.architecture) \(run.layout) \(run.mask) p \(run.dropout): a loss off by \(worst)"
      )
    }
  }

  private func model(
    _ architecture: String, _ layout: LTGBertConfiguration.PositionProjection,
    sizes: (Int, Int, Int, Int, Int),
    seed: UInt64, on device: any Device
  ) -> any Transformer {
    if architecture == "llama" {
      return Llama(
        LlamaConfiguration(
          vocabularySize: sizes.0, hiddenSize: sizes.1, intermediateSize: sizes.2, layers: sizes.3,
          heads: sizes.4, maximumLength: 1024), seed: seed, on: device)
    }
    return LTGBert(
      LTGBertConfiguration(
        vocabularySize: sizes.0, hiddenSize: sizes.1, intermediateSize: sizes.2, layers: sizes.3,
        heads: sizes.4, positionProjection: layout), seed: seed, on: device)
  }

  /// As parity.py makes it.
  private func batch(
    vocabulary: Int, documents: [[Range<Int>]], length: Int, mask: String, seed: UInt64, step: Int
  ) -> (Batch, Labels) {
    let ids = randomIDs(documents.count * length, below: vocabulary, seed: seed, step: step)
    let isCausal = mask == "causal"
    let (inputs, labels) =
      isCausal ? (ids, Labels(rows: [], ids: [])) : maskedBatch(ids, seed: seed, step: step)
    var rows: [Int32] = []
    for (sequence, ranges) in documents.enumerated() {
      for range in ranges {
        for position in isCausal ? range.dropLast() : range {
          let row = Int32(sequence * length + position)
          if isCausal || labels.rows.contains(row) { rows.append(row) }
        }
      }
    }
    return (
      Batch(
        ids: inputs,
        mask: AttentionMask(isCausal ? .causal : .bidirectional, documents: documents, length: length)),
      Labels(rows: rows, ids: rows.map { ids[Int($0) + (isCausal ? 1 : 0)] })
    )
  }

  /// The projections of a gradient, each as its rows' shares.
  private static func project(_ values: [Float], count: Int, rows: Int, seed: UInt64) -> [[Double]] {
    let columns = values.count / rows
    return (0..<count).map { projection in
      let stream = RandomStream(seed: seed, purpose: .sampling, layer: 1, step: projection)
      var sums = [Double](repeating: 0, count: rows)
      for start in stride(from: 0, to: values.count, by: 4) {
        let block = stream.block(UInt64(start / 4))
        for place in start..<min(start + 4, values.count) {
          let isNegative = block[place - start] >> 31 == 1
          sums[place / columns] += isNegative ? -Double(values[place]) : Double(values[place])
        }
      }
      return sums
    }
  }

  private static func rootMeanSquare(_ values: [Double]) -> Double {
    (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
  }
}
