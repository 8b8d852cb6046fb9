/// `C = A' B' [+ C] [+ bias] [+ residual]`, where `A'` is A or its transpose, and likewise `B'`.
///
/// Matrices are row-major. With `batch` > 1 the product is repeated, each operand moving on by its batch
/// stride (in elements). A linear layer `Y = X W^T` with weights `[outputs, inputs]` is NT; its gradients are
/// `dX = dY W` (NN) and `dW += dY^T X` (TN).
///
/// Where the product, and what C holds if that is added, is known to be `symmetric` (`A A^T`, or two symmetric matrices
/// that commute), a device may compute one triangle and mirror it.
///
/// `precision` rounds A and B before they are multiplied, and nothing else.
///
/// `C` must not overlap A or B. `residual` may be `C`'s own storage only where `accumulate` would say the same.
public struct Matmul {
  public let a: Matrix
  public let b: Matrix
  public let c: Matrix
  public let transposeA: Bool
  public let transposeB: Bool
  /// Added to every row: `[columns of C]`.
  public let bias: BufferSlice?
  /// Added element by element: the shape of C, batches spaced as C's are.
  public let residual: Matrix?
  /// Adds to what C holds rather than replacing it.
  public let accumulate: Bool
  public let batch: Int
  public let batchStrideA: Int
  public let batchStrideB: Int
  public let batchStrideC: Int
  /// Says that C comes out symmetric.
  public let symmetric: Bool
  /// What A and B are rounded to.
  public let precision: Precision

  public init(
    _ a: Matrix, transposed transposeA: Bool = false, _ b: Matrix, transposed transposeB: Bool = false,
    into c: Matrix, bias: BufferSlice? = nil, residual: Matrix? = nil, accumulate: Bool = false,
    symmetric: Bool = false, batch: Int = 1, batchStrideA: Int = 0, batchStrideB: Int = 0,
    batchStrideC: Int = 0, precision: Precision = .float32
  ) {
    let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
    let (k2, n) = transposeB ? (b.columns, b.rows) : (b.rows, b.columns)
    precondition(
      k == k2 && c.rows == m && c.columns == n,
      "Matmul: \(m)x\(k) times \(k2)x\(n) into \(c.rows)x\(c.columns)")
    precondition(
      !symmetric || (m == n && bias == nil && residual == nil),
      "Matmul: a symmetric C of \(m)x\(n)\(bias == nil ? "" : ", with a bias")\(residual == nil ? "" : ", with a residual")"
    )
    precondition(batch >= 1, "Matmul: a batch of \(batch)")
    precondition(
      batchStrideA >= 0 && batchStrideB >= 0 && (batch == 1 || batchStrideC > 0),
      "Matmul: batch strides \(batchStrideA), \(batchStrideB), \(batchStrideC); every product needs its own C"
    )
    if let bias { require(bias, holds: n, of: .float32, "Matmul bias") }
    if let residual {
      residual.requireShape(m, n, "Matmul residual")
      precondition(
        residual.stride == c.stride, "Matmul: residual stride \(residual.stride), C's is \(c.stride)")
    }
    for (operand, stride, name) in [(a, batchStrideA, "A"), (b, batchStrideB, "B"), (c, batchStrideC, "C")]
    where batch > 1 && operand.rows > 0 && operand.columns > 0 {
      require(
        operand.storage, holds: (batch - 1) * stride + (operand.rows - 1) * operand.stride + operand.columns,
        of: .float32, "Matmul \(name) x \(batch)")
    }
    if batch > 1, let residual, residual.rows > 0, residual.columns > 0 {
      require(
        residual.storage,
        holds: (batch - 1) * batchStrideC + (residual.rows - 1) * residual.stride + residual.columns,
        of: .float32, "Matmul residual x \(batch)")
    }
    self.a = a
    self.b = b
    self.c = c
    self.transposeA = transposeA
    self.transposeB = transposeB
    self.bias = bias
    self.residual = residual
    self.accumulate = accumulate
    self.symmetric = symmetric
    self.batch = batch
    self.batchStrideA = batchStrideA
    self.batchStrideB = batchStrideB
    self.batchStrideC = batchStrideC
    self.precision = precision
  }

  /// Rows of C.
  public var m: Int { c.rows }
  /// Columns of C.
  public var n: Int { c.columns }
  /// The length of each dot product.
  public var k: Int { transposeA ? a.rows : a.columns }
}
