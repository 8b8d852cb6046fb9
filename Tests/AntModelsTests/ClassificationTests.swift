import AntAutograd
import AntBatch
import AntCheck
import AntDevice
import Foundation
import Testing

@testable import AntModels

@Suite struct ClassificationTests {
  static let heads: [ClassificationHead] = [
    ClassificationHead(.linear, labels: 3, hiddenSize: 12, initialization: .normal(deviation: 0.5)),
    ClassificationHead(.transform, labels: 2, hiddenSize: 12, dropout: 0.25, initialization: .uniform),
    ClassificationHead(
      .transform, labels: 3, hiddenSize: 12, normEpsilon: 1e-7, initialization: .truncatedNormal),
  ]

  struct Case: CustomTestStringConvertible {
    var name: String
    var pattern: AttentionMask.Pattern
    var rows: [Int32]
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "causal, last token", pattern: .causal, rows: [6, 7 + 4]),
    Case(name: "bidirectional, first token", pattern: .bidirectional, rows: [0, 7]),
  ]

  /// The gradient of the loss by every parameter of model and head against central differences, on the
  /// double-precision device; those of the model's own output layer are zero.
  @Test(arguments: cases, heads)
  func centralDifferences(_ example: Case, _ head: ClassificationHead) throws {
    for configuration in tinyModels {
      let device = ReferenceDevice()
      let classifier = SequenceClassifier(
        configuration.architecture.makeModel(seed: 5, on: device), head: head, seed: 6)
      let parameters = classifier.parameters
      parameters.makeGradients()
      let input = Batch(
        ids: randomIDs(14, below: 23), mask: AttentionMask(example.pattern, lengths: [7, 5], length: 7))
      let loss = device.makeBuffer([0] as [Float])[...]
      func run() -> Double {
        device.write([0] as [Float], to: loss)
        classifier.accumulateGradients(
          input.predicting(Labels(rows: example.rows, ids: [1, 0])),
          dropout: DropoutContext(
            rates: configuration.architecture.dropoutRates(0.25), seed: 3, step: 2, firstSample: 1),
          into: LossSum(loss, scale: 0.5))
        return device.readDoubles(loss)[0]
      }
      try expectGradients(
        of: parameters, on: device, unused: ["classifier.nonlinearity", "lm_head"], least: 1e-5, step: 2e-6,
        run)
    }
  }

  /// The loss is the mean cross-entropy of the logits, by hand from them.
  @Test(arguments: heads) func lossOfLogits(_ head: ClassificationHead) throws {
    var head = head
    head.dropout = 0
    let device = try openDevice("cpu")
    let classifier = SequenceClassifier(
      LlamaConfiguration.tiny.makeModel(seed: 5, on: device), head: head, seed: 6)
    classifier.parameters.makeGradients()
    let input = Batch(
      ids: randomIDs(14, below: 23), mask: AttentionMask(.causal, sequences: 2, length: 7))
    let logits = try classifier.logits(input, rows: [6, 13]).map(Double.init)
    #expect(logits.count == 2 * head.labels && Set(logits).count == logits.count)
    var expected = 0.0
    for (sequence, label) in [1, 0].enumerated() {
      let own = logits[sequence * head.labels..<(sequence + 1) * head.labels]
      expected += log(own.reduce(0) { $0 + exp($1) }) - own[own.startIndex + label]
    }
    let loss = device.makeBuffer([0] as [Float])[...]
    classifier.accumulateGradients(
      input.predicting(Labels(rows: [6, 13], ids: [1, 0])), dropout: .none, into: LossSum(loss, scale: 0.5))
    #expect(abs(Double(try device.read(loss)[0]) - expected / 2) < 1e-6)
  }

  /// The same sequence alone, with more padding, and among others: within 1e-6.
  @Test(arguments: deviceNames, cases) func paddingAndBatchMates(name: String, _ example: Case) throws {
    let device = try openDevice(name)
    for configuration in LeakageTests.configurations {
      for head in Self.heads {
        var head = head
        head.hiddenSize = configuration.architecture.hiddenSize
        // As many as in the test of a model's own logits: of a few, one that is near zero would decide.
        head.labels = 31
        let classifier = SequenceClassifier(
          configuration.architecture.makeModel(seed: 5, on: device), head: head, seed: 6)
        let ids = randomIDs(6, below: 23)
        func logits(_ ids: [Int32], lengths: [Int], length: Int, _ sequence: Int) throws -> [Float] {
          let rows = lengths.indices.map { Int32($0 * length + (example.rows[0] == 0 ? 0 : lengths[$0] - 1)) }
          let all = try classifier.logits(
            Batch(ids: ids, mask: AttentionMask(example.pattern, lengths: lengths, length: length)),
            rows: rows)
          return Array(all[sequence * head.labels..<(sequence + 1) * head.labels])
        }
        let alone = try logits(ids, lengths: [6], length: 6, 0)
        let padding = [Int32](repeating: 0, count: 7)
        let padded = try logits(ids + padding, lengths: [6], length: 13, 0)
        let mates = try logits(
          randomIDs(13, below: 23, seed: 2) + ids + padding + randomIDs(13, below: 23, seed: 3),
          lengths: [13, 6, 4], length: 13, 1)
        #expect(relativeError(padded, alone) < 1e-6, "\(configuration), \(head)")
        #expect(relativeError(mates, alone) < 1e-6, "\(configuration), \(head)")
      }
    }
  }

  /// The model's weights are the source's, which stays as it is; the head is drawn by its seed alone.
  @Test func startingFromAModel() throws {
    let device = try openDevice("cpu")
    for configuration in tinyModels {
      let source = configuration.architecture.makeModel(seed: 5, on: device)
      let before = try source.parameters.read()
      for head in Self.heads {
        let first = SequenceClassifier(source, head: head, seed: 6)
        func values(_ parameters: Parameters, _ name: String) throws -> [Float] {
          try device.read(parameters[name].vector)
        }
        for segment in configuration.architecture.segments {
          #expect(
            try values(first.parameters, segment.name) == values(source.parameters, segment.name),
            "\(segment.name)")
        }
        let again = SequenceClassifier(source, head: head, seed: 6)
        let other = SequenceClassifier(source, head: head, seed: 7)
        #expect(try again.parameters.read() == first.parameters.read())
        #expect(try other.parameters.read() != first.parameters.read())
      }
      #expect(try source.parameters.read() == before)
    }
  }

  @Test func newHeads() throws {
    func values(_ initialization: ClassificationHead.Initialization, _ number: Int) -> [Double] {
      ClassificationHead(.transform, labels: 5, hiddenSize: 64, initialization: initialization)
        .initialValues(number, seed: 3).map(Double.init)
    }
    func deviation(_ values: [Double]) -> Double {
      (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }
    let uniform = values(.uniform, 0)
    #expect(uniform.allSatisfy { abs($0) <= 0.125 } && uniform.contains { abs($0) > 0.12 })
    #expect(abs(deviation(uniform) - 0.125 / 3.0.squareRoot()) < 2e-3)
    #expect(Set(values(.uniform, 1)).count > 60)
    #expect(abs(deviation(values(.normal(deviation: 0.02), 0)) - 0.02) < 1e-3)
    let truncated = values(.truncatedNormal, 0)
    let bound = 2 * (2.0 / (5 * 64)).squareRoot()
    #expect(truncated.allSatisfy { abs($0) <= bound } && truncated.contains { abs($0) > 0.95 * bound })
    for initialization in [ClassificationHead.Initialization.normal(deviation: 0.02), .truncatedNormal] {
      #expect(values(initialization, 1) == [Double](repeating: 0, count: 64))
      #expect(Set(values(initialization, 2)).count > 300)
    }
  }

  /// The model's folder holds the model alone, and opens as such; the head has a file of its own.
  @Test func files() throws {
    let device = try openDevice("cpu")
    for configuration in tinyModels {
      let folder = TemporaryFolder()
      let source = configuration.architecture.makeModel(seed: 5, on: device)
      let classifier = SequenceClassifier(source, head: Self.heads[1], seed: 6)
      try classifier.model.write(to: folder.url)
      let head = folder.url.appendingPathComponent("head.safetensors")
      try classifier.writeHead(to: head)
      let read = try ModelFolder.read(folder.url, on: device)
      #expect(try read.parameters.read() == source.parameters.read())
      let tensors = try SafeTensors(contentsOf: head)
      #expect(tensors.entries.count == 4)
      #expect(
        try tensors.floats(ClassificationHead.Name.output)
          == device.read(classifier.parameters[ClassificationHead.Name.output].vector))
    }
  }
}
