import AntBatch
import AntInference
import AntText

/// Examples as a classifier reads them: `<s> a </s>`, pairs `<s> a </s> b </s>`, the special tokens being the
/// tokenizer's own ([CLS] and [SEP]).
///
/// What is longer than allowed is cut at the end, of a pair the longer text first: until both are equally long and
/// then both, the first getting the smaller half (`longest_first` of Hugging Face).
struct ClassificationInputs {
  let sequences: [[Int32]]
  /// Of each example; none where they have none.
  let labels: [Int32]
  /// How many were cut.
  let cut: Int

  init(sequences: [[Int32]], labels: [Int32], cut: Int) {
    precondition(sequences.count == labels.count, "ClassificationInputs: \(labels.count) labels")
    self.sequences = sequences
    self.labels = labels
    self.cut = cut
  }

  init(
    _ examples: [ClassificationExamples.Example], tokenizer: Tokenizer, length: Int
  ) {
    let specials = tokenizer.specials
    var cut = 0
    sequences = examples.map { example in
      let first = tokenizer.encode(example.first, recognizingSpecials: false)
      let second = example.second.map { tokenizer.encode($0, recognizingSpecials: false) }
      let room = max(0, length - (second == nil ? 2 : 3))
      let kept = Self.lengths(first.count, second?.count ?? 0, room: room)
      if kept.first < first.count || kept.second < second?.count ?? 0 { cut += 1 }
      let head = [specials.beginning] + first.prefix(kept.first) + [specials.end]
      return second.map { head + $0.prefix(kept.second) + [specials.end] } ?? head
    }
    labels = examples.compactMap { $0.label.map(Int32.init) }
    self.cut = cut
  }

  /// How much of two texts is kept where there is room for so many tokens.
  static func lengths(_ first: Int, _ second: Int, room: Int) -> (first: Int, second: Int) {
    guard first + second > room else { return (first, second) }
    var shorter = min(first, second)
    if shorter > room / 2 { shorter = room / 2 }
    return first <= second ? (shorter, room - shorter) : (room - shorter, shorter)
  }

  /// Some of the examples side by side, padded to the longest, or to `length`. Each is read at one row, and what is to
  /// be found there is its label; 0 where the examples have none.
  func batch(
    _ numbers: some Collection<Int>, mode: Embedder.Mode, readsLast: Bool, padding: Int32, length: Int? = nil
  ) -> Batch {
    Batch(
      numbers.map { number in
        let ids = sequences[number]
        return TokenSequence(
          ids, seesAll: mode == .masked,
          labels: [.init(labels.isEmpty ? 0 : labels[number], at: readsLast ? ids.count - 1 : 0)])
      }, padding: padding, length: length)
  }
}
