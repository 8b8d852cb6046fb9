import AntBatch
import AntDevice
import AntModels
import Testing

/// What a position may not see must not change its logits, whatever the mask.
@Suite struct LeakageTests {
  private static let length = 9
  static let configurations: [ModelConfiguration] = [
    ModelConfiguration(
      LlamaConfiguration(
        vocabularySize: 31, hiddenSize: 24, intermediateSize: 40, layers: 2, heads: 2, maximumLength: 16,
        initializerRange: 0.3)),
    ModelConfiguration(
      LTGBertConfiguration(
        vocabularySize: 31, hiddenSize: 24, intermediateSize: 40, layers: 2, heads: 2, farthestDistance: 7,
        bucketSize: 4)),
  ]

  private func models(on name: String) throws -> [any Transformer] {
    let device = try openDevice(name)
    return Self.configurations.map { $0.architecture.makeModel(seed: 5, on: device) }
  }

  /// The logits of each position of each sequence.
  private func rows(_ model: any Transformer, _ ids: [Int32], _ mask: AttentionMask) throws -> [[UInt32]] {
    let logits = try model.logits(Batch(ids: ids, mask: mask), rows: ids.indices.map { Int32($0) })
    let width = model.vocabularySize
    return ids.indices.map { logits[$0 * width..<($0 + 1) * width].map(\.bitPattern) }
  }

  static let masks: [AttentionMask] = [
    AttentionMask(.causal, sequences: 2, length: length),
    AttentionMask(.bidirectional, sequences: 2, length: length),
    AttentionMask(.prefix(4), sequences: 2, length: length),
    AttentionMask(.causal, documents: [[0..<3, 3..<7], [0..<5, 5..<9]], length: length),
    AttentionMask(.bidirectional, documents: [[0..<3, 3..<7], [0..<5, 5..<9]], length: length),
    AttentionMask(.prefix(2), documents: [[0..<3, 3..<7], [0..<5, 5..<9]], length: length),
  ]

  /// Changes each token in turn. Who cannot see it, through any number of layers, keeps its logits to the
  /// bit; who sees it directly does not.
  ///
  /// Through several layers a position sees what the positions it sees can see. With causal, bidirectional
  /// and prefix masks that adds nothing, so the mask itself is the oracle.
  @Test(arguments: deviceNames, masks) func changingAToken(name: String, mask: AttentionMask) throws {
    for model in try models(on: name) { try changeEachToken(model, mask) }
  }

  private func changeEachToken(_ model: any Transformer, _ mask: AttentionMask) throws {
    let ids = randomIDs(2 * Self.length, below: 31)
    let before = try rows(model, ids, mask)
    for changed in ids.indices {
      var other = ids
      other[changed] = 4 + (ids[changed] - 4 + 1) % 27
      let after = try rows(model, other, mask)
      for row in ids.indices {
        let (sequence, position) = row.quotientAndRemainder(dividingBy: Self.length)
        let keys = mask.keys(seenBy: position, in: sequence)
        let sees =
          row == changed || changed / Self.length == sequence && keys.contains(changed % Self.length)
        #expect((after[row] != before[row]) == sees, "row \(row) when token \(changed) changes")
      }
    }
  }

  /// The same sequence alone, with more padding, and among others.
  @Test(arguments: deviceNames, [AttentionMask.Pattern.causal, .bidirectional, .prefix(3)])
  func paddingAndBatchMates(name: String, pattern: AttentionMask.Pattern) throws {
    for model in try models(on: name) { try surround(model, pattern) }
  }

  private func surround(_ model: any Transformer, _ pattern: AttentionMask.Pattern) throws {
    let ids = randomIDs(6, below: 31)
    func logits(_ ids: [Int32], _ mask: AttentionMask, first: Int) throws -> [Float] {
      try model.logits(Batch(ids: ids, mask: mask), rows: (0..<6).map { Int32(first + $0) })
    }
    let alone = try logits(ids, AttentionMask(pattern, sequences: 1, length: 6), first: 0)
    let padding = [Int32](repeating: 0, count: 7)
    let padded = try logits(ids + padding, AttentionMask(pattern, lengths: [6], length: 13), first: 0)
    let mates = try logits(
      randomIDs(13, below: 31, seed: 2) + ids + padding + randomIDs(13, below: 31, seed: 3),
      AttentionMask(pattern, lengths: [13, 6, 4], length: 13), first: 13)
    let packed = try logits(
      randomIDs(4, below: 31, seed: 2) + ids + randomIDs(3, below: 31, seed: 3),
      AttentionMask(pattern, documents: [[0..<4, 4..<10, 10..<13]], length: 13), first: 4)
    for (other, what) in [(padded, "padding"), (mates, "batch-mates"), (packed, "packing")] {
      #expect(relativeError(other, alone) < 1e-6, "\(what)")
    }
  }
}
