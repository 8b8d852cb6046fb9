import AntDevice
import CAntKernels

/// What tuning may choose of a product on a CPU-type device (Kernels/matmul_cpu.cl).
struct PackedChoice: Equatable {
  /// Rows of A that a work-item packs at a time, at most `PACKED_ROWS`.
  var rows: Int
  /// Panels of B that it multiplies them by.
  var panels: Int
  /// Terms that a block sums up before it goes to C, at most `PACKED_TERMS`.
  var depth: Int

  static let all = [24, 48, 72].flatMap { rows in
    [4, 8, 16, 32].flatMap { panels in
      [192, 256, 384].map { PackedChoice(rows: rows, panels: panels, depth: $0) }
    }
  }

  var numbers: [Int] { [rows, panels, depth] }

  init(rows: Int, panels: Int, depth: Int) {
    self.rows = rows
    self.panels = panels
    self.depth = depth
  }

  /// Nil for numbers that no choice has: they may come from a file.
  init?(_ numbers: [Int]?) {
    guard let choice = Self.all.first(where: { $0.numbers == numbers }) else { return nil }
    self = choice
  }
}

/// What tuning may choose of a product on a GPU (Kernels/matmul_gpu.cl and matmul_tensor.cl).
struct TiledChoice: Equatable {
  /// Rows and columns of C that a work-group computes.
  var tile: Int
  /// Parts of the sum that are computed side by side.
  var slices: Int

  static let all = [128, 64].flatMap { tile in
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32].map { TiledChoice(tile: tile, slices: $0) }
  }

  var numbers: [Int] { [tile, slices] }

  init(tile: Int, slices: Int) {
    self.tile = tile
    self.slices = slices
  }

  /// Nil for numbers that no choice has.
  init?(_ numbers: [Int]?) {
    guard let choice = Self.all.first(where: { $0.numbers == numbers }) else { return nil }
    self = choice
  }
}

extension OpenCLDevice {
  /// Products of one layout, precision and number of batches whose sizes have the same next powers of two.
  func shapeClass(_ operation: Matmul) -> String {
    func size(_ value: Int) -> Int { value <= 1 ? 1 : 1 << (Int.bitWidth - (value - 1).leadingZeroBitCount) }
    return "matmul \(usesGPUKernels ? "tiled" : "packed") \(operation.transposeA ? "t" : "n")"
      + "\(operation.transposeB ? "t" : "n") \(size(operation.m))x\(size(operation.n))x\(size(operation.k))"
      + (operation.batch > 1 ? " x \(size(operation.batch))" : "")
      + (operation.precision == .float32 ? "" : " \(operation.precision.rawValue)")
  }

  public func ways(toCompute operation: Matmul) -> Tuning.Ways? {
    guard !operation.hasFewRows, operation.m > 0, operation.n > 0, operation.k > 0 else { return nil }
    return Tuning.Ways(
      shapeClass: shapeClass(operation),
      choices: usesGPUKernels
        // A slice of fewer terms is not worth adding up.
        ? TiledChoice.all.filter {
          canTile($0.tile, operation) && ($0.slices == 1 || operation.k / $0.slices >= 128)
        }
        .map(\.numbers)
        : PackedChoice.all.map(\.numbers))
  }

  /// Whether the device has the local memory that a tile of this size stages, and what its items show each other where a matrix unit is emulated. Without
  /// `ldmatrix` and `cp.async` large tiles of tensor cores have no registers for operands on their way.
  func canTile(_ tile: Int, _ operation: Matmul) -> Bool {
    guard tile > 64 else { return true }
    guard usesMatrixUnit(operation) else { return traits.localMemory >= 4 * floatMatmulStaged(tile) }
    if case .tensorCores(let transfers) = matrixUnit, transfers != [.matrixLoads, .asynchronousCopies] {
      return false
    }
    return traits.localMemory
      >= 4 * tensorMatmulStaged(tile) + matrixUnit.localMemory(items: Int(TENSOR_ITEMS))
  }

  public func keepTuning() throws { try TuningStore(info).write(tuning) }
}
