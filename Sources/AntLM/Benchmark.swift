import Device
import Foundation

/// Times operations and training steps on one device.
///
/// Every figure is the median over `repeats` runs after two warm-up runs (the first launch of a kernel may
/// compile it), each run ending with the device idle. Inputs are random.
public struct Benchmark {
  /// One row of the table.
  public struct Result: Codable, Sendable, Equatable {
    /// `matmul`, `attention`, `step`.
    public var benchmark: String
    /// Sizes and options, such as `nn 1024x1024x1024`.
    public var shape: String
    public var device: String
    /// Median, and the interval that holds the middle half of the runs.
    public var seconds: Double
    public var lowerQuartile: Double
    public var upperQuartile: Double
    public var gflops: Double?
    public var tokensPerSecond: Double?
    /// The most device memory held during the runs.
    public var peakBytes: Int
  }

  /// How the operands of a product lie in memory: n as they are multiplied, t transposed.
  public enum Layout: String, Sendable, CaseIterable, Codable { case nn, nt, tn }

  let device: any Device
  let repeats: Int

  public init(on device: any Device, repeats: Int = 7) {
    precondition(repeats > 0, "Benchmark: \(repeats) repeats")
    self.device = device
    self.repeats = repeats
  }

  /// `C[m, n] = A' B'` with a dot product of length k.
  public func matmul(_ layout: Layout, m: Int, n: Int, k: Int, precision: Precision = .float32) throws
    -> Result
  {
    try require(floats: [[m, k], [k, n], [m, n]])
    let a = layout == .tn ? random(rows: k, columns: m) : random(rows: m, columns: k)
    let b = layout == .nt ? random(rows: n, columns: k) : random(rows: k, columns: n)
    let c = matrix(rows: m, columns: n)
    let operation = Matmul(
      a, transposed: layout == .tn, b, transposed: layout == .nt, into: c, precision: precision)
    return try time(
      "matmul", "\(layout.rawValue) \(m)x\(n)x\(k)\(precision.suffix)",
      operations: 2 * Double(m) * Double(n) * Double(k)
    ) {
      device.matmul(operation)
    }
  }

  /// Attention forward and backward together; operations are those of seven T x T products, of which a causal
  /// mask needs half. What position scores and dropout add is not counted.
  ///
  /// - Parameters:
  ///   - buckets: of position scores; 0 for none.
  ///   - dropout: the probability to drop a weight; 0 for none.
  public func attention(
    _ pattern: AttentionMask.Pattern, batch: Int, heads: Int, length: Int, headDimension: Int,
    buckets: Int = 0, dropout: Float = 0
  ) throws -> Result {
    // Queries, keys, values, contexts and as many gradients, and a sum for each head.
    try require(
      floats: Array(repeating: [batch, length, heads, headDimension], count: 8)
        + Array(repeating: [batch, length, heads, max(buckets, 1)], count: 4))
    let rows = batch * length
    let width = heads * headDimension
    let shape = AttentionShape(
      batch: batch, heads: heads, headDimension: headDimension, queryLength: length, keyLength: length,
      scale: 1 / Float(headDimension).squareRoot())
    let mask = AttentionMask(pattern, sequences: batch, length: length)
    let scores = { random(rows: rows, columns: heads * buckets) }
    let positions: PositionScores? =
      buckets == 0
      ? nil
      : PositionScores(
        query: scores(), key: scores(),
        buckets: device.makeBuffer((0..<2 * length - 1).map { Int32($0 * buckets / (2 * length)) })[...],
        bucketCount: buckets)
    let forward = Attention(
      shape, query: random(rows: rows, columns: width), key: random(rows: rows, columns: width),
      value: random(rows: rows, columns: width), keyRanges: device.makeBuffer(mask.keyRanges())[...],
      positions: positions,
      dropout: dropout == 0
        ? nil
        : AttentionDropout(
          probability: dropout, stream: RandomStream(seed: 1, purpose: .attentionDropout)),
      into: matrix(rows: rows, columns: width),
      logSumExp: device.makeBuffer(.float32, count: rows * heads)[...])
    let backward = AttentionBackward(
      of: forward, outputGradient: random(rows: rows, columns: width),
      queryGradient: matrix(rows: rows, columns: width), keyGradient: matrix(rows: rows, columns: width),
      valueGradient: matrix(rows: rows, columns: width),
      positionGradients: positions.map { _ in (scores(), scores()) })
    let share = pattern == .causal ? 0.5 : 1
    return try time(
      "attention",
      "\(pattern) \(batch)x\(heads)x\(length)x\(headDimension)" + (buckets > 0 ? " \(buckets) buckets" : "")
        + (dropout > 0 ? " dropout \(dropout)" : ""),
      operations: 14 * share * Double(batch * heads * headDimension) * Double(length) * Double(length)
    ) {
      device.attention(forward)
      device.attention(backward)
    }
  }

  /// Throws where matrices of these sizes do not fit; the host fills each before the device has it.
  private func require(floats shapes: [[Int]]) throws {
    let floats = shapes.map { $0.reduce(1) { $0 * Double($1) } }
    let bytes = 4 * (floats.reduce(0, +) + (floats.max() ?? 0))
    try MemoryBudget.require(Int(min(bytes, 0x1p60)), on: device.info) { _ in "choose smaller sizes" }
  }

  /// Runs `body` and the wait for it, `repeats` times.
  func time(
    _ benchmark: String, _ shape: String, operations: Double? = nil, tokens: Int? = nil, warmups: Int = 2,
    _ body: () throws -> Void
  )
    throws -> Result
  {
    var samples: [Double] = []
    let clock = ContinuousClock()
    for run in -warmups..<repeats {
      let elapsed = try clock.measure {
        try body()
        try device.synchronize()
      }
      if run >= 0 { samples.append(elapsed / .seconds(1)) }
    }
    samples.sort()
    let median = samples[samples.count / 2]
    return Result(
      benchmark: benchmark, shape: shape, device: device.info.identifier, seconds: median,
      lowerQuartile: samples[samples.count / 4], upperQuartile: samples[samples.count * 3 / 4],
      gflops: operations.map { $0 / median * 1e-9 }, tokensPerSecond: tokens.map { Double($0) / median },
      peakBytes: device.memoryUse.peakBytes)
  }

  private func matrix(rows: Int, columns: Int) -> Matrix {
    Matrix(device.makeBuffer(.float32, count: rows * columns)[...], rows: rows, columns: columns)
  }

  private func random(rows: Int, columns: Int) -> Matrix {
    let stream = RandomStream(seed: 1, purpose: .sampling)
    let values = (0..<rows * columns).map { stream.uniform(UInt64($0)) - 0.5 }
    return Matrix(device.makeBuffer(values)[...], rows: rows, columns: columns)
  }
}

extension Precision {
  /// How a shape ends that was computed in it; float32 is not told.
  var suffix: String { self == .float32 ? "" : " \(rawValue)" }
}
