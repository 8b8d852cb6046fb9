extension RandomStream {
  /// A number in 0..<bound from Philox block `index`: the high half of 64 random bits times the bound, whose
  /// bias, bound / 2^64, nobody can see.
  public func draw(below bound: Int, _ index: UInt64) -> Int {
    precondition(bound >= 1, "RandomStream: a draw below \(bound)")
    let words = block(index)
    let bits = UInt64(words[1]) << 32 | UInt64(words[0])
    return Int(bits.multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// The numbers 0..<count in random order (Fisher-Yates). Blocks 1 to count - 1 decide it; block 0 stays free.
  public func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, draw(below: last + 1, UInt64(last)))
    }
    return order
  }
}
