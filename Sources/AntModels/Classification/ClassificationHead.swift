import AntAutograd
import AntRandom

/// What turns the hidden state of one token into a logit for each label. Two kinds:
///
///     linear       logits = W x                                                  LlamaForSequenceClassification
///     transform    logits = W dropout(norm(gelu(V norm(x) + b))) + c             LTG-BERT's, and that of the
///                                                                                BabyLM evaluation of 2025
///
/// norm being a layer norm without weights and gelu the exact one.
public struct ClassificationHead: Sendable, Equatable {
  public enum Kind: String, Sendable, Codable { case linear, transform }

  /// How a new head is drawn.
  public enum Initialization: Sendable, Equatable {
    /// normal(0, deviation), biases zero: Llama's.
    case normal(deviation: Double)
    /// normal(0, sqrt(2 / 5d)) cut at two deviations, biases zero: LTG-BERT's.
    case truncatedNormal
    /// uniform in ±1 / sqrt(d), biases too: a fresh `Linear` of PyTorch.
    case uniform
  }

  public var kind: Kind
  /// How many labels there are.
  public var labels: Int
  /// Of the model's hidden states: d.
  public var hiddenSize: Int
  /// Of the layer norms.
  public var normEpsilon: Double
  /// In training, before the last layer.
  public var dropout: Float
  public var initialization: Initialization

  public init(
    _ kind: Kind, labels: Int, hiddenSize: Int, normEpsilon: Double = 1e-5, dropout: Float = 0,
    initialization: Initialization
  ) {
    precondition(labels >= 2, "ClassificationHead: \(labels) labels")
    self.kind = kind
    self.labels = labels
    self.hiddenSize = hiddenSize
    self.normEpsilon = normEpsilon
    self.dropout = dropout
    self.initialization = initialization
  }

  /// What transformers calls them. Those of the second kind have another prefix there where the model's own
  /// head has this one.
  enum Name {
    static let score = "score.weight"
    static let transform = "head.nonlinearity.1.weight"
    static let transformBias = "head.nonlinearity.1.bias"
    static let output = "head.nonlinearity.5.weight"
    static let outputBias = "head.nonlinearity.5.bias"
  }

  /// Its parameters, to lie beside a model's.
  public var segments: [Parameters.Segment] {
    switch kind {
    case .linear: [.matrix(Name.score, rows: labels, columns: hiddenSize)]
    case .transform:
      [
        .matrix(Name.transform, rows: hiddenSize, columns: hiddenSize),
        .vector(Name.transformBias, count: hiddenSize),
        .matrix(Name.output, rows: labels, columns: hiddenSize), .vector(Name.outputBias, count: labels),
      ]
    }
  }

  /// New values for segment `number` of ``segments``.
  func initialValues(_ number: Int, seed: UInt64) -> [Float] {
    let segment = segments[number]
    var values = [Float](repeating: 0, count: segment.count)
    let stream = RandomStream(seed: seed, purpose: .classification, layer: number)
    let isMatrix = segment.shape.count == 2
    switch initialization {
    case .normal(let deviation):
      if isMatrix { stream.fillNormal(&values, values.indices, deviation: deviation) }
    case .truncatedNormal:
      let deviation = (2 / (5 * Double(hiddenSize))).squareRoot()
      if isMatrix { stream.fillTruncatedNormal(&values, values.indices, deviation: deviation) }
    case .uniform:
      let bound = 1 / Float(hiddenSize).squareRoot()
      for element in values.indices { values[element] = bound * (2 * stream.uniform(UInt64(element)) - 1) }
    }
    return values
  }

  /// The layer that gives the logits.
  func output(of parameters: Parameters) -> (weight: Parameter, bias: Parameter?) {
    switch kind {
    case .linear: (parameters[Name.score], nil)
    case .transform: (parameters[Name.output], parameters[Name.outputBias])
    }
  }

  /// What that layer reads, from hidden states `[rows, hiddenSize]`.
  ///
  /// - Parameter dropout: whose draws drop out; nil drops nothing.
  func hidden(_ x: Tensor, of parameters: Parameters, on tape: Tape, dropout: DropoutContext?) -> Tensor {
    guard kind == .transform else { return x }
    let epsilon = Float(normEpsilon)
    let transformed = tape.linear(
      tape.normalization(.layer, x, epsilon: epsilon), parameters[Name.transform],
      bias: parameters[Name.transformBias])
    let hidden = tape.normalization(.layer, tape.activation(.gelu, transformed), epsilon: epsilon)
    guard let dropout, self.dropout > 0 else { return hidden }
    return tape.dropout(
      hidden, probability: self.dropout, stream: dropout.stream(.headDropout),
      firstElement: UInt64(dropout.firstSample * hiddenSize))
  }
}
