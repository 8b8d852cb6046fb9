import AntRandom

/// One stream of random numbers, read in order.
struct Draws: Sendable {
  private let stream: RandomStream
  private var block: Philox.Block = .zero
  private var index: UInt64 = 0

  init(_ stream: RandomStream) { self.stream = stream }

  private mutating func word() -> UInt32 {
    if index % 4 == 0 { block = stream.block(index / 4) }
    defer { index += 1 }
    return block[Int(index % 4)]
  }

  /// A number in 0..<bound.
  mutating func below(_ bound: Int) -> Int { Int((UInt64(word()) * UInt64(bound)) >> 32) }

  /// True in `percent` of 100 draws.
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

  /// A value drawn in proportion to its weight.
  mutating func pick<Value>(_ values: KeyValuePairs<Value, Int>) -> Value {
    var rest = below(values.reduce(0) { $0 + $1.value })
    for (value, weight) in values {
      rest -= weight
      if rest < 0 { return value }
    }
    return values[values.count - 1].key
  }
}
