import AntBatch
import Testing

@Suite struct BatchTests {
  @Test func sequencesAreFilledUpAndSeeWhatTheyMay() {
    let batch = Batch(
      [
        TokenSequence([5, 6, 7], prefix: 2, labels: [.init(6, at: 0), .init(9, at: 2)]),
        TokenSequence([8], seesAll: true, labels: [.init(1, at: 0)]),
        TokenSequence([4, 3], seesAll: false),
      ], padding: 0)
    #expect(batch.ids == [5, 6, 7, 8, 0, 0, 4, 3, 0])
    #expect(batch.sequences == 3 && batch.length == 3)
    #expect(batch.labelRows == [0, 2, 3] && batch.labels == [6, 9, 1])
    #expect(
      batch.mask.keyRanges() == [
        0, 2, 0, 2, 0, 3,
        0, 1, 0, 0, 0, 0,
        0, 1, 0, 2, 0, 0,
      ])
  }

  @Test func aLengthMayBeGiven() {
    let batch = Batch([TokenSequence([5, 6], seesAll: true)], padding: 9, length: 4)
    #expect(batch.ids == [5, 6, 9, 9] && batch.mask.keys(seenBy: 1, in: 0) == 0..<2)
    #expect(Batch([], padding: 0).ids.isEmpty)
  }
}
