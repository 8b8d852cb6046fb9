/// Which keys each position may look at.
///
/// A sequence is a row of *documents* (packed one after another) followed by padding. Inside a document the
/// first `prefix` positions see each other both ways, and everything after sees only what came before:
///
/// | mask          | prefix of a document      |
/// |---------------|---------------------------|
/// | causal        | 0                         |
/// | bidirectional | the whole document        |
/// | prefix        | the first n positions     |
///
/// So whatever the mask, position t of a document `start ..< end` sees one interval of keys,
/// `start ..< max(t + 1, start + prefix)`, and one attention kernel serves them all. Positions of one document
/// never see another's; padding sees nothing and is seen by nobody.
public struct AttentionMask: Sendable, Equatable {
  /// Which positions of a sequence see which.
  public enum Pattern: Sendable, Equatable {
    case causal
    case bidirectional
    /// Bidirectional over the first n positions of each document, causal after.
    case prefix(Int)
  }

  /// A document inside a sequence.
  public struct Document: Sendable, Equatable {
    public var positions: Range<Int>
    /// How many of its first positions see each other both ways.
    public var prefix: Int

    public init(_ positions: Range<Int>, prefix: Int) {
      self.positions = positions
      self.prefix = min(max(prefix, 0), positions.count)
    }

    /// The interval of keys that one of its positions sees.
    func keys(seenBy query: Int) -> Range<Int> {
      positions.lowerBound..<max(query + 1, positions.lowerBound + prefix)
    }
  }

  /// Positions a sequence has room for, padding included.
  public let length: Int
  /// The documents of each sequence, in order, not overlapping.
  public let sequences: [[Document]]

  /// - Parameter sequences: the documents of each sequence, ascending and without overlap.
  public init(length: Int, sequences: [[Document]]) {
    for documents in sequences {
      var end = 0
      for document in documents {
        precondition(
          document.positions.lowerBound >= end && document.positions.upperBound <= length,
          "AttentionMask: document \(document.positions) after \(end) in a sequence of \(length)")
        end = document.positions.upperBound
      }
    }
    self.length = length
    self.sequences = sequences
  }

  /// One document a sequence: the first `lengths[s]` positions; the rest is padding.
  public init(_ pattern: Pattern, lengths: [Int], length: Int) {
    self.init(pattern, documents: lengths.map { [0..<$0] }, length: length)
  }

  /// `sequences` sequences, each one whole document.
  public init(_ pattern: Pattern, sequences: Int, length: Int) {
    self.init(pattern, lengths: Array(repeating: length, count: sequences), length: length)
  }

  /// Packed documents under one pattern.
  public init(_ pattern: Pattern, documents: [[Range<Int>]], length: Int) {
    self.init(
      length: length,
      sequences: documents.map { ranges in
        ranges.map { range in
          switch pattern {
          case .causal: Document(range, prefix: 0)
          case .bidirectional: Document(range, prefix: range.count)
          case .prefix(let count): Document(range, prefix: count)
          }
        }
      })
  }

  /// The interval of keys that position `query` of sequence `sequence` sees.
  public func keys(seenBy query: Int, in sequence: Int) -> Range<Int> {
    sequences[sequence].first { $0.positions.contains(query) }?.keys(seenBy: query) ?? 0..<0
  }

  /// What ``AntDevice/Attention/keyRanges`` holds: (firstKey, endKey) of every query of every sequence.
  ///
  /// - Parameter queries: the positions that are queries; with a key-value cache only the newest ones.
  public func keyRanges(queries: Range<Int>? = nil) -> [Int32] {
    var ranges: [Int32] = []
    forEachQuery(queries) { query, document in
      let keys = document?.keys(seenBy: query) ?? 0..<0
      ranges.append(Int32(keys.lowerBound))
      ranges.append(Int32(keys.upperBound))
    }
    return ranges
  }

  /// Each position's distance from the beginning of its document: what rotary embeddings turn by. Padding 0.
  public func positions(queries: Range<Int>? = nil) -> [Int32] {
    var positions: [Int32] = []
    forEachQuery(queries) { query, document in
      positions.append(Int32(document.map { query - $0.positions.lowerBound } ?? 0))
    }
    return positions
  }

  /// Calls `body` with every query of every sequence, in order, and the document it is in; nil for padding. Each document
  /// is looked at once, however many there are.
  private func forEachQuery(_ queries: Range<Int>?, _ body: (_ query: Int, Document?) -> Void) {
    for documents in sequences {
      var rest = documents[...]
      for query in queries ?? 0..<length {
        while let first = rest.first, first.positions.upperBound <= query { rest.removeFirst() }
        body(query, rest.first.flatMap { $0.positions.contains(query) ? $0 : nil })
      }
    }
  }
}
