import AntBatch
import AntFiles
import AntText
import Foundation

/// What a source sees of itself when a decoder translates.
public enum TranslationMask: String, Sendable, CaseIterable {
  /// All of itself: the source is a prefix that is read both ways, the target is written causally.
  case prefix
  /// What came before.
  case causal
}

/// Sentence pairs as one decoder reads them, the special tokens being the tokenizer's own:
///
///     <s> source </s> target </s>
///          predicted: target </s>      each from the position before, the first from the source's </s>
///
/// Under the prefix mask the first `<s> source </s>` see each other both ways.
struct TranslationInputs {
  struct Sequence: Equatable {
    var ids: [Int32]
    /// Positions of `<s> source </s>`.
    var start: Int
  }

  let sequences: [Sequence]
  /// Indices of the pairs that are longer than allowed, and no part of ``sequences``.
  let tooLong: [Int]

  /// - Parameter length: tokens of a sequence at most.
  init(_ pairs: [ParallelText.Pair], tokenizer: Tokenizer, length: Int) {
    let specials = tokenizer.specials
    var sequences: [Sequence] = []
    var tooLong: [Int] = []
    for (index, pair) in pairs.enumerated() {
      let start = [specials.beginning] + Self.prompt(pair.source, tokenizer)
      let ids = start + Self.tokens(pair.target, tokenizer) + [specials.end]
      if ids.count > length {
        tooLong.append(index)
      } else {
        sequences.append(Sequence(ids: ids, start: start.count))
      }
    }
    self.sequences = sequences
    self.tooLong = tooLong
  }

  /// What a translation follows, after the beginning token.
  static func prompt(_ source: String, _ tokenizer: Tokenizer) -> [Int32] {
    tokens(source, tokenizer) + [tokenizer.specials.end]
  }

  private static func tokens(_ text: String, _ tokenizer: Tokenizer) -> [Int32] {
    tokenizer.encode(text.trimmed, recognizingSpecials: false)
  }

  /// Indices of some sequences, cut into parts of similar length that are at most `positions` long with their padding
  /// (or a single sequence).
  func parts(_ numbers: some Swift.Sequence<Int>, positions: Int) -> [ArraySlice<Int>] {
    numbers.batches(positions: positions) { sequences[$0].ids.count }
  }

  /// Some sequences side by side, padded to the longest.
  func batch(_ numbers: some Collection<Int>, mask: TranslationMask, padding: Int32) -> Batch {
    Batch(
      numbers.map { number in
        let sequence = sequences[number]
        return TokenSequence(
          sequence.ids, prefix: mask == .prefix ? sequence.start : 0,
          labels: (sequence.start - 1..<sequence.ids.count - 1).map { .init(sequence.ids[$0 + 1], at: $0) })
      }, padding: padding)
  }
}
