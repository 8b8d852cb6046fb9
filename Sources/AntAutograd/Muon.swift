import AntDevice

/// Muon (Jordan et al. 2024): the momentum of a hidden matrix, made orthogonal, is its step; everything else is trained by
/// AdamW. With u as ``AntDevice/MuonDirection`` leaves it, five steps of Newton and Schulz bring its singular values near 1:
///
///     A = X X^T,    X <- a X + (b A + c A^2) X        (a, b, c) = (3.4445, -4.7750, 2.0315), X = u at first
///     p -= learningRate matrixRate (max(1, rows / columns)^0.5 X + weightDecay p)
///
/// A tall matrix is worked on from the other side, with X^T X. The products round their operands as
/// ``Optimizer/Settings/precision`` says. A tensor is what a checkpoint names, so that queries, keys and values are
/// orthogonal each by itself.
public struct MuonRule: OptimizerRule {
  public let name = "muon"
  public let summary = "orthogonal steps for hidden matrices, AdamW for the rest"

  public let hasMatrixRate = true

  static let iterations = 5
  static let coefficients: (x: Float, a: Float, aa: Float) = (3.4445, -4.7750, 2.0315)

  public init() {}

  public func problem(with segments: [Parameters.Segment]) -> String? {
    segments.contains(where: \.isHidden) ? nil : "the model has no hidden matrices"
  }

  public func workingFloats(for segments: [Parameters.Segment]) -> Int {
    let groups = Self.groups(segments)
    // The last are both operands of a product, packed.
    return Self.most(groups, \.elements) + 3 * Self.most(groups, \.products)
      + 2 * Self.most(groups) { $0.elements / $0.batch }
  }

  private static func most(_ groups: [Group], _ count: (Group) -> Int) -> Int { groups.map(count).max() ?? 0 }

  public func makeUpdate(of parameters: Parameters, _ settings: Optimizer.Settings) -> (ParameterUpdate) ->
    Void
  {
    let device = parameters.device
    let groups = Self.groups(parameters.segments)
    let blocks = TensorBlocks(
      parameters.segments.filter(\.isHidden).flatMap { $0.tensors.map(\.range) }, on: device)
    let rest = Self.rest(parameters)
    let other = device.makeBuffer(.float32, count: Self.most(groups, \.elements))[...]
    let squares = (0..<3).map { _ in
      device.makeBuffer(.float32, count: Self.most(groups, \.products))[...]
    }
    return { update in
      device.optimizer(
        MuonDirection(
          gradients: update.gradients, moment: update.firstMoment, control: update.control,
          momentum: settings.momentum, blocks: blocks))
      for group in groups {
        group.orthogonalize(update.gradients, other, squares, precision: settings.precision, on: device)
      }
      device.optimizer(
        MuonStep(
          parameters: update.parameters, direction: update.gradients, control: update.control,
          learningRate: update.learningRate * settings.matrixRate, weightDecay: update.weightDecay,
          blocks: blocks))
      for range in rest { device.optimizer(AdamW(update.over(range))) }
    }
  }

  /// What is no hidden matrix, in as few stretches as it lies in.
  private static func rest(_ parameters: Parameters) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    for segment in parameters.segments where segment.isHidden {
      if segment.offset > start { ranges.append(start..<segment.offset) }
      start = Parameters.aligned(segment.range.upperBound)
    }
    if parameters.count > start { ranges.append(start..<parameters.count) }
    return ranges
  }

  /// Tensors of one shape that lie side by side without a gap: one batch of products.
  struct Group: Equatable {
    var rows: Int
    var columns: Int
    var offset: Int
    var batch: Int

    /// Of all its tensors.
    var elements: Int { batch * rows * columns }
    /// Of the products of all its tensors with their own transposes.
    var products: Int { batch * side * side }
    private var side: Int { min(rows, columns) }

    /// Makes each tensor orthogonal, scaled to its shape.
    ///
    /// - Parameters:
    ///   - flat: where the tensors lie, of norm 1 at most.
    ///   - other: room for all of them once more.
    ///   - squares: three times room for ``products``.
    func orthogonalize(
      _ flat: BufferSlice, _ other: BufferSlice, _ squares: [BufferSlice], precision: Precision,
      on device: any Device
    ) {
      let isWide = rows <= columns
      let (own, square) = (rows * columns, side * side)
      let (a, scaled, b) = (
        squares[0].prefix(products), squares[1].prefix(products), squares[2].prefix(products)
      )
      func matrix(_ slice: BufferSlice) -> Matrix { Matrix(slice, rows: rows, columns: columns) }
      func product(_ slice: BufferSlice) -> Matrix { Matrix(slice, rows: side, columns: side) }
      var (x, next) = (flat[offset..<offset + elements], other.prefix(elements))
      let factors = MuonRule.coefficients
      for _ in 0..<MuonRule.iterations {
        device.matmul(
          Matmul(
            matrix(x), transposed: !isWide, matrix(x), transposed: isWide, into: product(a), symmetric: true,
            batch: batch, batchStrideA: own, batchStrideB: own, batchStrideC: square, precision: precision))
        device.elementwise(Scale(a, by: factors.aa, into: scaled))
        device.elementwise(Scale(a, by: factors.a, into: b))
        device.matmul(
          Matmul(
            product(a), product(scaled), into: product(b), accumulate: true, symmetric: true, batch: batch,
            batchStrideA: square, batchStrideB: square, batchStrideC: square, precision: precision))
        device.elementwise(Scale(x, by: factors.x, into: next))
        let (left, right) = isWide ? (product(b), matrix(x)) : (matrix(x), product(b))
        device.matmul(
          Matmul(
            left, right, into: matrix(next), accumulate: true, batch: batch,
            batchStrideA: isWide ? square : own, batchStrideB: isWide ? own : square, batchStrideC: own,
            precision: precision))
        swap(&x, &next)
      }
      let scale = max(1, Float(rows) / Float(columns)).squareRoot()
      device.elementwise(Scale(x, by: scale, into: flat[offset..<offset + elements]))
    }
  }

  static func groups(_ segments: [Parameters.Segment]) -> [Group] {
    segments.filter(\.isHidden).flatMap(\.tensors).reduce(into: []) { groups, tensor in
      let (rows, columns) = (tensor.shape[0], tensor.shape[1])
      if let last = groups.last, (last.rows, last.columns) == (rows, columns),
        last.offset + last.elements == tensor.range.lowerBound
      {
        groups[groups.count - 1].batch += 1
      } else {
        groups.append(Group(rows: rows, columns: columns, offset: tensor.range.lowerBound, batch: 1))
      }
    }
  }
}
