import AntDevice

extension Benchmark {
  /// `C[m, n] = A' B'` with a dot product of length k.
  public func matmul(_ layout: Layout, m: Int, n: Int, k: Int, precision: Precision = .float32) throws
    -> Result
  {
    // Operands once more, where they are packed.
    try require(floats: [[m, k], [k, n], [m, n], [m, k], [k, n]])
    let a = layout == .tn ? random(rows: k, columns: m) : random(rows: m, columns: k)
    let b = layout == .nt ? random(rows: n, columns: k) : random(rows: k, columns: n)
    let c = matrix(rows: m, columns: n)
    let operation = Matmul(
      a, transposed: layout == .tn, b, transposed: layout == .nt, into: c, precision: precision)
    return try time(
      "matmul", "\(layout.rawValue) \(m)x\(n)x\(k)\(precision.suffix)",
      operations: 2 * Double(m) * Double(n) * Double(k),
      bytes: 4 * (Double(m) * Double(k) + Double(k) * Double(n) + Double(m) * Double(n))
    ) {
      device.matmul(operation)
    }
  }
}

extension Precision {
  /// How a shape ends that was computed in it; float32 is not told.
  public var suffix: String { self == .float32 ? "" : " \(rawValue)" }
}
