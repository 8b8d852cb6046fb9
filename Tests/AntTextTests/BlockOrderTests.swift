import AntText
import Testing

@Suite struct BlockOrderTests {
  private func starts(_ order: BlockOrder) -> [Int] { (0..<order.count).map { order[$0] } }

  @Test(arguments: [(128, 128), (129, 128), (254, 128), (255, 128), (256, 128), (10_000, 7), (5, 1)])
  func everyBlockIsReadOnceAndLiesInside(tokenCount: Int, length: Int) {
    var counts: Set<Int> = []
    for epoch in 0..<20 {
      let order = BlockOrder(tokenCount: tokenCount, length: length, epoch: epoch, seed: 4)
      let sorted = starts(order).sorted()
      #expect(sorted == (0..<order.count).map { order.offset + $0 * length })
      #expect((0..<length).contains(order.offset))
      #expect(sorted.last! + length <= tokenCount)
      #expect(order.count >= tokenCount / length - 1)
      counts.insert(order.count)
    }
    #expect(counts.count == 1)
    #expect(counts.first! >= 1)
  }

  @Test func epochsAndSeedsDiffer() {
    func order(_ epoch: Int, _ seed: UInt64) -> BlockOrder {
      BlockOrder(tokenCount: 5000, length: 16, epoch: epoch, seed: seed)
    }
    #expect(order(0, 1) == order(0, 1))
    #expect(starts(order(0, 1)) != starts(order(1, 1)))
    #expect(starts(order(0, 1)) != starts(order(0, 2)))
    #expect(starts(order(0, 1)) != starts(order(0, 1)).sorted())
    #expect(Set((0..<400).map { order($0, 1).offset }) == Set(0..<16))
  }

  /// Each block is as likely to come first as any other.
  @Test func theShuffleIsEven() {
    var first = [Int](repeating: 0, count: 5)
    for epoch in 0..<5000 {
      let order = BlockOrder(tokenCount: 5, length: 1, epoch: epoch, seed: 2)
      first[order[0]] += 1
    }
    // Five standard deviations of a binomial draw at 1/5.
    for count in first { #expect(abs(count - 1000) < 142) }
  }

  @Test func aCorpusShorterThanABlockHasNone() {
    #expect(BlockOrder(tokenCount: 127, length: 128, epoch: 0, seed: 1).count == 0)
    #expect(BlockOrder(tokenCount: 0, length: 1, epoch: 0, seed: 1).count == 0)
  }
}
