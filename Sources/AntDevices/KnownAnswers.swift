import AntDevice

/// A start-up check: a few operations whose results are known without computing them, one for each way a
/// driver is known to go wrong (indexing, local memory, reductions, exponentials).
///
/// It takes well under a second; `antlm check` is the thorough one.
enum KnownAnswers {
  static func check(_ device: any Device) throws {
    try matmul(device)
    try softmax(device)
    try reduction(device)
  }

  /// A matrix times a permutation of the identity permutes its columns, exactly.
  private static func matmul(_ device: any Device) throws {
    let (rows, size) = (37, 53)
    let a = (0..<rows * size).map { Float($0 % 97) - 48 }
    var permutation = [Float](repeating: 0, count: size * size)
    for k in 0..<size { permutation[k * size + (k * 5) % size] = 1 }
    var expected = [Float](repeating: 0, count: rows * size)
    for row in 0..<rows {
      for k in 0..<size { expected[row * size + (k * 5) % size] = a[row * size + k] }
    }
    let c = Matrix(device.makeBuffer(.float32, count: rows * size)[...], rows: rows, columns: size)
    device.matmul(
      Matmul(
        Matrix(device.makeBuffer(a)[...], rows: rows, columns: size),
        Matrix(device.makeBuffer(permutation)[...], rows: size, columns: size), into: c))
    try require(device.read(c.storage) == expected, "matmul", device)
  }

  /// Equal logits share the probability equally.
  private static func softmax(_ device: any Device) throws {
    let (rows, columns) = (3, 301)
    let input = (0..<rows * columns).map { Float($0 / columns) * 10 }
    let matrix = Matrix(device.makeBuffer(input)[...], rows: rows, columns: columns)
    device.softmax(Softmax(matrix, into: matrix))
    let output = try device.read(matrix.storage)
    try require(output.allSatisfy { abs($0 * Float(columns) - 1) < 1e-4 }, "softmax", device)
  }

  /// 0 + 1 + ... + n - 1, small enough to be exact in any order.
  private static func reduction(_ device: any Device) throws {
    let count = 4001
    let input = device.makeBuffer((0..<count).map { Float($0) })[...]
    let sum = device.makeBuffer(.float32, count: 1)[...]
    device.reduction(Reduction(.sum, of: input, into: sum))
    try require(device.read(sum) == [Float(count * (count - 1) / 2)], "reduction", device)
  }

  private static func require(_ isRight: Bool, _ operation: String, _ device: any Device) throws {
    if !isRight { throw DeviceError.selfCheckFailed(device: device.info.name, operation: operation) }
  }
}
