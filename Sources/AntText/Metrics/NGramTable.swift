/// Numbers n-grams, so that counting them compares numbers and not words.
///
/// An n-gram's number is found under the number of its first n - 1 symbols and its last symbol; two n-grams of one
/// order have the same number where all their symbols agree.
struct NGramTable {
  /// How often each n-gram occurs, by number, one dictionary an order from 1 on.
  typealias Counts = [[Int32: Int]]

  private var symbols: [[Unicode.Scalar]: Int32] = [:]
  private var numbers: [[UInt64: Int32]] = []

  /// A number for each word.
  mutating func symbols(for words: [[Unicode.Scalar]]) -> [Int32] {
    words.map { word in
      if let known = symbols[word] { return known }
      symbols[word] = Int32(symbols.count)
      return Int32(symbols.count - 1)
    }
  }

  /// The n-grams of orders 1 to `orders` in `symbols`; n-grams do not reach beyond the ends.
  mutating func counts(_ symbols: [Int32], orders: Int) -> Counts {
    numbers(symbols, orders: orders).map { numbers in
      numbers.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
  }

  /// The numbers of the n-grams that begin at each place, by order.
  mutating func numbers(_ symbols: [Int32], orders: Int) -> [[Int32]] {
    var result = [symbols]
    while numbers.count < orders - 1 { numbers.append([:]) }
    for order in 1..<max(orders, 1) {
      let shorter = result[order - 1]
      result.append(
        (0..<max(0, symbols.count - order)).map { place in
          let key =
            UInt64(UInt32(bitPattern: shorter[place])) << 32
            | UInt64(UInt32(bitPattern: symbols[place + order]))
          if let known = numbers[order - 1][key] { return known }
          let number = Int32(numbers[order - 1].count)
          numbers[order - 1][key] = number
          return number
        })
    }
    return result
  }
}
