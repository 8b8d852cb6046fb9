import Autograd
import Device

/// The keys and values of everything some sequences have said so far, for generating on from there: a step
/// computes its new positions alone.
///
/// A layer's memory is `[sequences * capacity, 2 * width]`, keys beside values; row `s * capacity + t` is
/// position t of sequence s. All sequences have the same length. Causal masks only: what is stored never
/// changes when something is added.
public final class KeyValueCache {
  public let sequences: Int
  /// Positions there is room for.
  public let capacity: Int
  /// Positions stored so far.
  public fileprivate(set) var length = 0
  fileprivate let layers: [Matrix]

  fileprivate init(sequences: Int, capacity: Int, width: Int, layers: Int, on device: any Device) {
    self.sequences = sequences
    self.capacity = capacity
    self.layers = (0..<layers).map { _ in
      let memory = device.makeMatrix(rows: sequences * capacity, columns: 2 * width)
      device.elementwise(Fill(memory.storage, with: 0))
      return memory
    }
  }
}

extension Llama {
  /// An empty cache for `sequences` sequences of up to `capacity` positions, the model's maximum unless told.
  public func makeCache(sequences: Int, capacity: Int? = nil) -> KeyValueCache {
    KeyValueCache(
      sequences: sequences, capacity: min(capacity ?? maximumLength, maximumLength),
      width: configuration.hiddenSize, layers: configuration.layers, on: device)
  }

  /// Appends `ids` to the sequences of the cache and gives the causal logits after the last of them,
  /// `[sequences, vocabularySize]`.
  ///
  /// - Parameter ids: the same number of ids for each sequence, one sequence after another.
  /// - Throws: ``ModelError``, where the cache is full for example; the cache then is as before.
  public func nextLogits(_ ids: [Int32], cache: KeyValueCache) throws -> [Float] {
    let count = ids.count / cache.sequences
    precondition(
      ids.count == count * cache.sequences, "Llama: \(ids.count) ids for \(cache.sequences) sequences")
    let end = cache.length + count
    guard end <= cache.capacity else {
      throw ModelError.tooLong(length: end, maximum: cache.capacity)
    }
    // A mask as long as what is known so far, of which the new positions are the queries.
    let mask = AttentionMask(.causal, sequences: cache.sequences, length: end)
    let queries = cache.length..<end
    try validate(
      ModelInput(ids: ids, mask: AttentionMask(.causal, sequences: cache.sequences, length: count)))

    let width = configuration.hiddenSize
    let shape = attentionShape(batch: cache.sequences, queries: count, keys: cache.capacity)
    let keyRanges = device.makeBuffer(mask.keyRanges(queries: queries))[...]
    let logSumExp = device.makeBuffer(.float32, count: ids.count * configuration.heads)[...]
    let tape = Tape(on: device, records: false)
    let x = stack(ids, positions: mask.positions(queries: queries), on: tape) { layer, queryKeyValue in
      let memory = cache.layers[layer]
      for sequence in 0..<cache.sequences {
        let rows = sequence * cache.capacity + queries.lowerBound..<sequence * cache.capacity + end
        device.elementwise(
          Copy(
            queryKeyValue.value.rows(sequence * count..<(sequence + 1) * count).columns(width..<3 * width),
            into: memory.rows(rows)))
      }
      let context = device.makeMatrix(rows: ids.count, columns: width)
      device.attention(
        Attention(
          shape, query: queryKeyValue.value.columns(0..<width), key: memory.columns(0..<width),
          value: memory.columns(width..<2 * width), keyRanges: keyRanges, into: context,
          logSumExp: logSumExp))
      return Tensor(context)
    }
    cache.length = end
    let last = (1...cache.sequences).map { Int32($0 * count - 1) }
    return try tape.logits(head(x, rows: last, on: tape), weight: outputWeight)
  }
}
