import AntBatch
import AntModels
import AntText

/// What a model makes of texts, as vectors: its last hidden states, those that transformers calls
/// `last_hidden_state`.
///
///     causal   <s> t_1 … t_n         each token in the light of those before it
///     masked   <s> t_1 … t_n </s>    each token in the light of all
public struct Embedder {
  /// What a token sees.
  public enum Mode: String, Sendable, CaseIterable { case causal, masked }

  /// Positions of one batch, padding included.
  private static let positions = 4096

  public let model: any Transformer
  public let specials: SpecialTokens

  public init(_ model: any Transformer, specials: SpecialTokens) {
    self.model = model
    self.specials = specials
  }

  /// The vectors of the tokens of each text, `[tokens][hiddenSize]`, special ones left out.
  ///
  /// - Throws: ``InferenceError/tooLong(item:tokens:maximum:)``, the item counted from 1.
  public func callAsFunction(_ texts: [[Int32]], _ mode: Mode) throws -> [[[Float]]] {
    var vectors = [[[Float]]](repeating: [], count: texts.count)
    let sequences = texts.map { [specials.beginning] + $0 + (mode == .masked ? [specials.end] : []) }
    for (index, sequence) in sequences.enumerated() where sequence.count > model.maximumLength {
      throw InferenceError.tooLong(item: index + 1, tokens: sequence.count, maximum: model.maximumLength)
    }
    for batch in texts.indices.batches(positions: Self.positions, length: { sequences[$0].count }) {
      let input = Batch(
        batch.map { TokenSequence(sequences[$0], seesAll: mode == .masked) }, padding: specials.padding)
      let length = input.length
      let states = try model.hiddenStates(input)
      let width = model.configuration.architecture.hiddenSize
      for (place, text) in batch.enumerated() {
        vectors[text] = texts[text].indices.map { token in
          let row = place * length + 1 + token
          return Array(states[row * width..<(row + 1) * width])
        }
        guard vectors[text].allSatisfy({ $0.allSatisfy(\.isFinite) }) else { throw InferenceError.notFinite }
      }
    }
    return vectors
  }

  /// The mean of a text's vectors; empty for a text without tokens.
  public static func mean(_ vectors: [[Float]]) -> [Float] {
    guard let width = vectors.first?.count else { return [] }
    return (0..<width).map { column in
      Float(vectors.reduce(0.0) { $0 + Double($1[column]) } / Double(vectors.count))
    }
  }
}
