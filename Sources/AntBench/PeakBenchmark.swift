import AntDevice

extension Benchmark {
  /// Chains of multiply-adds on a million floats, as long as it takes for the start of a command not to count.
  func multiplyAdds() throws -> Result {
    let count = 1 << 20
    let x = random(rows: 1, columns: count).storage
    var steps = 256
    let clock = ContinuousClock()
    func run() throws {
      device.multiplyAdd(MultiplyAdd(x, factor: 0.5, term: 0.25, steps: steps, into: x))
      try device.synchronize()
    }
    try run()
    while steps < 1 << 20, try clock.measure(run) < .milliseconds(20) { steps *= 2 }
    return try time(
      "multiply-add", "\(count) x \(steps)", operations: 2 * Double(count) * Double(steps)
    ) {
      device.multiplyAdd(MultiplyAdd(x, factor: 0.5, term: 0.25, steps: steps, into: x))
    }
  }

  /// 128 MiB to another 128 MiB: more than caches hold.
  func copy() throws -> Result {
    let (rows, columns) = (4096, 8192)
    try require(floats: [[rows, columns], [rows, columns]])
    let (from, to) = (matrix(rows: rows, columns: columns), matrix(rows: rows, columns: columns))
    device.elementwise(Fill(from.storage, with: 1))
    return try time("copy", "\(rows)x\(columns)", bytes: 8 * Double(rows * columns)) {
      device.elementwise(Copy(from, into: to))
    }
  }
}
