import AntDevice

/// Finds the fastest way to cut a product, among those that compute it right.
///
/// Every way is held to the reference first, as the conformance suite would: some rows of the product, in double
/// precision, and all of it against what the device's own rule gives. Then all take turns, and the one with the least
/// median time meets the device's own rule alone: it wins where it is faster by more than ``margin`` in the median and
/// the middle halves of their times do not meet; otherwise that rule stays.
public struct Tuner {
  /// What came of one product.
  public struct Outcome: Sendable, Equatable {
    public var shapeClass: String
    /// Ways that were tried, and those of them that computed something else.
    public var tried: Int
    public var refused: Int
    /// Median seconds of the device's own rule, and of the way that was chosen.
    public var before: Double
    public var after: Double
    /// Nil where the device's own rule stays.
    public var choice: [Int]?
  }

  /// A gain below this is taken for noise.
  public static let margin = 0.03
  private static let rounds = 5
  private static let duels = 8
  /// Seconds that a measurement takes at least.
  private static let shortest = 5e-3
  private static let sampledRows = 16

  private let device: any Device

  public init(_ device: any Device) { self.device = device }

  /// Tunes for `C[m, n] = A' B'` with dot products of length k, and leaves the choice in the device's tuning. Nil where
  /// there is nothing to choose.
  public func tune(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, precision: Precision = .float32
  ) throws -> Outcome? {
    var generator = Generator(seed: UInt64(m) << 40 ^ UInt64(n) << 20 ^ UInt64(k))
    func values(_ count: Int) -> [Float] { (0..<count).map { _ in Values.normal().next(&generator) } }
    let (left, right) = (values(m * k), values(k * n))
    let (a, b) = (device.makeBuffer(left), device.makeBuffer(right))
    let c = device.makeBuffer(.float32, count: m * n)
    let operation = Matmul(
      Matrix(a[...], rows: transposeA ? k : m, columns: transposeA ? m : k), transposed: transposeA,
      Matrix(b[...], rows: transposeB ? n : k, columns: transposeB ? k : n), transposed: transposeB,
      into: Matrix(c[...], rows: m, columns: n), precision: precision)
    guard let ways = device.ways(toCompute: operation), !ways.choices.isEmpty else { return nil }
    let before = device.tuning.choices[ways.shapeClass]
    func run(_ choice: [Int]?, times: Int = 1) throws {
      device.tuning.choices[ways.shapeClass] = choice
      for _ in 0..<times { device.matmul(operation) }
      try device.synchronize()
    }
    func clear() { device.elementwise(Fill(c[...], with: .nan)) }
    do {
      clear()
      try run(nil)
      let own = try device.read(c[...]).map { Measured($0) }
      let rows = sampledRows(of: m)
      let expected = rows.flatMap { row in
        (0..<n).map { column in
          (0..<k).reduce(into: Measured.zero) { sum, term in
            sum +=
              precision.rounded(Measured(left[transposeA ? term * m + row : row * k + term]))
              * precision.rounded(Measured(right[transposeB ? column * k + term : term * n + column]))
          }
        }
      }
      let tolerance = Conformance.productTolerance(precision)
      let right = try ways.choices.filter { choice in
        clear()
        try run(choice)
        let seen = try device.read(c[...])
        let sample = rows.flatMap { seen[$0 * n..<($0 + 1) * n] }
        return Comparison(seen: sample, expected: expected, tolerance: tolerance).fault == nil
          && Comparison(seen: seen, expected: own, tolerance: 2 * tolerance).fault == nil
      }
      // Short products are repeated, for a clock to tell them apart.
      var runs = 1
      func seconds(_ choice: [Int]?) throws -> Double {
        try ContinuousClock().measure { try run(choice, times: runs) } / .seconds(runs)
      }
      runs = max(1, min(200, Int(Self.shortest / max(try seconds(nil), 1e-9))))
      var times: [[Int]: [Double]] = [:]
      for _ in 0..<Self.rounds {
        for choice in right { times[choice, default: []].append(try seconds(choice)) }
      }
      let medians = times.mapValues { $0.sorted()[$0.count / 2] }
      // Of equally fast ones the first, so that the order of a dictionary decides nothing.
      let best = right.min { (medians[$0] ?? 0) < (medians[$1] ?? 0) }
      // The least of many medians is half luck: it must win once more, by itself.
      var (ruleTimes, bestTimes): ([Double], [Double]) = ([], [])
      for _ in 0..<Self.duels {
        ruleTimes.append(try seconds(nil))
        if let best { bestTimes.append(try seconds(best)) }
      }
      ruleTimes.sort()
      bestTimes.sort()
      let (middle, quarter) = (Self.duels / 2, Self.duels / 4)
      let gains =
        best != nil && bestTimes[middle] < ruleTimes[middle] * (1 - Self.margin)
        && bestTimes[Self.duels - 1 - quarter] < ruleTimes[quarter]
      let choice = gains ? best : nil
      device.tuning.choices[ways.shapeClass] = choice
      return Outcome(
        shapeClass: ways.shapeClass, tried: ways.choices.count, refused: ways.choices.count - right.count,
        before: ruleTimes[middle], after: (gains ? bestTimes : ruleTimes)[middle], choice: choice)
    } catch {
      device.tuning.choices[ways.shapeClass] = before
      throw error
    }
  }

  /// The first, the last and some between.
  private func sampledRows(of m: Int) -> [Int] {
    m <= Self.sampledRows
      ? Array(0..<m) : (0..<Self.sampledRows).map { $0 * (m - 1) / (Self.sampledRows - 1) }
  }
}
