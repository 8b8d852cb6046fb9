import AntAutograd
import AntBatch
import AntCheck
import AntDevice
import AntModels
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
    let input = Batch(ids: randomIDs(14, below: 23), mask: example.mask).predicting(
      Labels(rows: [0, 1, 4, 5, 8, 11], ids: [5, 9, 22, 4, 7, 9]))
    let loss = device.makeBuffer([0] as [Float])[...]
    func run() -> Double {
      device.write([0] as [Float], to: loss)
      model.accumulateGradients(
        input,
        dropout: DropoutContext(
          rates: configuration.architecture.dropoutRates(example.dropout), seed: 3, step: 2, firstSample: 1),
        into: LossSum(loss, scale: 0.5))
      return device.readDoubles(loss)[0]
    }

    let value = run()
    if example.dropout == 0 {
      let losses = try model.losses(input)
      #expect(abs(value - losses.reduce(0) { $0 + Double($1) } / 2) < 1e-5)
    }
    try expectGradients(of: parameters, on: device, least: 1e-4, step: 1e-5, run)
  }
}
