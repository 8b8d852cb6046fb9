import AntDevice
import AntRandom
import AntTraining
import Foundation

/// Times operations and training steps on one device.
///
/// Every figure is the median over `repeats` runs after two warm-up runs (the first launch of a kernel may
/// compile it), each run ending with the device idle. Inputs are random.
///
///     var benchmark = Benchmark(on: device)
///     let peaks = try benchmark.measurePeaks()
///     let product = try benchmark.matmul(.nn, m: 1024, n: 1024, k: 1024)
public struct Benchmark {
  /// One row of the table.
  public struct Result: Codable, Sendable, Equatable {
    /// `matmul`, `attention forward`, `step`.
    public var benchmark: String
    /// Sizes and options, such as `nn 1024x1024x1024`.
    public var shape: String
    public var device: String
    /// Median, and the interval that holds the middle half of the runs.
    public var seconds: Double
    public var lowerQuartile: Double
    public var upperQuartile: Double
    /// The first run, in which kernels may be compiled; of a training step, what comes before it too.
    public var firstSeconds: Double
    /// By what the operation needs, whatever the device does.
    public var gflops: Double?
    /// By what must be read and written at least once.
    public var gigabytesPerSecond: Double?
    /// The time that the device's measured peaks of arithmetic and of bandwidth would take, the longer of the two,
    /// as a part of the time taken; nil before ``Benchmark/measurePeaks()``.
    public var shareOfPeak: Double?
    public var tokensPerSecond: Double?
    /// The most device memory that the process held so far.
    public var peakBytes: Int
  }

  /// What the device can do at most, measured.
  public struct Peaks: Sendable, Equatable {
    /// Of fused multiply-adds, two operations each.
    public var gflops: Double
    /// Of a copy, bytes read and bytes written.
    public var gigabytesPerSecond: Double
  }

  /// How the operands of a product lie in memory: n as they are multiplied, t transposed.
  public enum Layout: String, Sendable, CaseIterable, Codable { case nn, nt, tn }

  let device: any Device
  let repeats: Int
  /// Nil before ``measurePeaks()``.
  public private(set) var peaks: Peaks?

  public init(on device: any Device, repeats: Int = 7) {
    precondition(repeats > 0, "Benchmark: \(repeats) repeats")
    self.device = device
    self.repeats = repeats
  }

  /// Measures how many multiply-adds the device does and how fast it copies; later results are told as parts of
  /// these.
  public mutating func measurePeaks() throws -> [Result] {
    let arithmetic = try multiplyAdds()
    let copy = try copy()
    peaks = Peaks(
      gflops: arithmetic.gflops ?? 0, gigabytesPerSecond: copy.gigabytesPerSecond ?? 0)
    return [arithmetic, copy]
  }

  /// Throws where matrices of these sizes do not fit; the host fills each before the device has it.
  ///
  /// - Throws: ``TrainingError/outOfMemory(needed:available:place:advice:)``.
  public func require(floats shapes: [[Int]]) throws {
    let floats = shapes.map { $0.reduce(1) { $0 * Double($1) } }
    let bytes = 4 * (floats.reduce(0, +) + (floats.max() ?? 0))
    try MemoryBudget.require(Int(min(bytes, 0x1p60)), on: device.info) { _ in "choose smaller sizes" }
  }

  /// Runs `body` and the wait for it, `repeats` times.
  ///
  /// - Parameters:
  ///   - operations: floating-point operations that the task needs.
  ///   - bytes: that it must read and write at least once.
  func time(
    _ benchmark: String, _ shape: String, operations: Double? = nil, bytes: Double? = nil, tokens: Int? = nil,
    warmups: Int = 2, _ body: () throws -> Void
  ) throws -> Result {
    var samples: [Double] = []
    let clock = ContinuousClock()
    for _ in 0..<warmups + repeats {
      let elapsed = try clock.measure {
        try body()
        try device.synchronize()
      }
      samples.append(elapsed / .seconds(1))
    }
    let first = samples[0]
    samples = samples.dropFirst(warmups).sorted()
    let median = samples[samples.count / 2]
    let bound = peaks.map {
      max((operations ?? 0) / ($0.gflops * 1e9), (bytes ?? 0) / ($0.gigabytesPerSecond * 1e9))
    }
    return Result(
      benchmark: benchmark, shape: shape, device: device.info.identifier, seconds: median,
      lowerQuartile: samples[samples.count / 4], upperQuartile: samples[samples.count * 3 / 4],
      firstSeconds: first, gflops: operations.map { $0 / median * 1e-9 },
      gigabytesPerSecond: bytes.map { $0 / median * 1e-9 },
      shareOfPeak: operations == nil && bytes == nil ? nil : bound.map { $0 / median },
      tokensPerSecond: tokens.map { Double($0) / median }, peakBytes: device.memoryUse.peakBytes)
  }

  func matrix(rows: Int, columns: Int) -> Matrix {
    Matrix(device.makeBuffer(.float32, count: rows * columns)[...], rows: rows, columns: columns)
  }

  func random(rows: Int, columns: Int) -> Matrix {
    let stream = RandomStream(seed: 1, purpose: .sampling)
    let values = (0..<rows * columns).map { stream.uniform(UInt64($0)) - 0.5 }
    return Matrix(device.makeBuffer(values)[...], rows: rows, columns: columns)
  }
}
