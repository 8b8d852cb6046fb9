import Autograd
import Device
import DeviceCheck
import Models
import Testing

@Suite struct ModelGradientTests {
  struct Case: CustomTestStringConvertible {
    var name: String
    var mask: AttentionMask
    var dropout: Float = 0
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "causal", mask: AttentionMask(.causal, sequences: 2, length: 7)),
    Case(name: "bidirectional", mask: AttentionMask(.bidirectional, sequences: 2, length: 7)),
    Case(name: "prefix", mask: AttentionMask(.prefix(3), sequences: 2, length: 7)),
    Case(
      name: "packed and padded",
      mask: AttentionMask(.causal, documents: [[0..<3, 3..<6], [0..<5]], length: 7)),
    Case(
      name: "packed and padded, both ways, with dropout",
      mask: AttentionMask(.bidirectional, documents: [[0..<3, 3..<6], [0..<5]], length: 7), dropout: 0.25),
  ]

  /// The gradient of a whole model by every parameter against central differences, on the double-precision
  /// device: a few elements of each segment, and one direction through all of it.
  @Test(arguments: cases, tinyModels)
  func centralDifferences(_ example: Case, _ configuration: ModelConfiguration) throws {
    let device = ReferenceDevice()
    let model = configuration.architecture.makeModel(seed: 5, on: device)
    let parameters = model.parameters
    parameters.makeGradients()
    let input = ModelInput(ids: randomIDs(14, below: 23), mask: example.mask)
    let labels = Labels(rows: [0, 1, 4, 5, 8, 11], ids: [5, 9, 22, 4, 7, 9])
    let loss = device.makeBuffer([0] as [Float])[...]
    func run() -> Double {
      device.write([0] as [Float], to: loss)
      model.accumulateGradients(
        input, labels: labels, scale: 0.5,
        dropout: DropoutContext(
          rates: configuration.architecture.dropoutRates(example.dropout), seed: 3, step: 2, firstSample: 1),
        loss: loss)
      return device.readDoubles(loss)[0]
    }

    let value = run()
    let gradients = device.readDoubles(try #require(parameters.gradients))
    if example.dropout == 0 {
      let losses = try model.losses(input, labels: labels)
      #expect(abs(value - losses.reduce(0) { $0 + Double($1) } / 2) < 1e-5)
    }
    let values = device.readDoubles(parameters.values)
    let signs = RandomStream(seed: 8, purpose: .shuffling)
    for segment in parameters.segments {
      let largest = gradients[segment.range].map(abs).max() ?? 0
      #expect(largest > 1e-4, "\(segment.name) has no gradient")
      let used = segment.range.filter { gradients[$0] != 0 }
      var directions = [0, used.count / 2, used.count - 1].map { [used[$0]: 1.0] }
      directions.append(
        Dictionary(
          uniqueKeysWithValues: segment.range.map { ($0, signs.uniform(UInt64($0)) < 0.5 ? 1.0 : -1.0) }))
      for direction in directions {
        func loss(_ shift: Double) -> Double {
          var shifted = values
          for (element, weight) in direction { shifted[element] += shift * weight }
          device.writeDoubles(shifted, to: parameters.values)
          return run()
        }
        let h = 1e-5
        let numeric = (loss(h) - loss(-h)) / (2 * h)
        let analytic = direction.reduce(0) { $0 + $1.value * gradients[$1.key] }
        #expect(
          abs(numeric - analytic) <= 1e-6 * max(largest, abs(analytic)),
          "\(segment.name): \(analytic), by differences \(numeric)")
      }
      device.writeDoubles(values, to: parameters.values)
    }
  }
}
