import AntDevice

/// A matrix on a device and its place in the graph.
///
/// A tensor is a handle: what backward needs of it, it captures (see ``Tape``), so that dropping the tensor
/// frees its memory as soon as no later gradient depends on it.
public struct Tensor {
  public let value: Matrix
  /// The gradient of the loss by `value`, while backward is under way.
  public let gradient: Gradient
  /// Makes the value anew. Where it is there, backward keeps this instead of the value.
  let remake: (() -> Matrix)?

  /// A leaf: its gradient stays in ``gradient`` when backward is done.
  public init(_ value: Matrix) { self.init(value, remake: nil) }

  init(_ value: Matrix, remake: (() -> Matrix)?) {
    self.value = value
    self.gradient = Gradient()
    self.remake = remake
  }

  public var rows: Int { value.rows }
  public var columns: Int { value.columns }

  /// What a node keeps in order to see the value again in backward: the memory, or the way to remake it.
  var saved: () -> Matrix { remake ?? { [value] in value } }
}

/// The gradient of one tensor: nothing until a consumer of the tensor contributes, then their sum.
///
/// The first contribution becomes the gradient, without a copy or a fill; the later ones are added to it.
public final class Gradient {
  public private(set) var value: Matrix?

  init() {}

  /// Removes the gradient: the one who takes it owns its memory. Nil where no consumer contributed.
  public func take() -> Matrix? {
    defer { value = nil }
    return value
  }

  /// Contributes `matrix`, which from now on belongs to this gradient: a residual connection passes the
  /// gradient of a sum on to its terms this way. The memory must be contiguous.
  public func adopt(_ matrix: Matrix, on device: any Device) {
    if let value {
      device.elementwise(Add(value.elements, matrix.elements, into: value.elements))
    } else {
      value = matrix
    }
  }

  /// Contributes what `compute` writes into the matrix it is given, adding to it where its second argument
  /// says so.
  public func contribute(
    rows: Int, columns: Int, room: Int = 0, on device: any Device,
    _ compute: (_ into: Matrix, _ accumulate: Bool) -> Void
  ) {
    if let value {
      compute(value, true)
    } else {
      let fresh = device.makeMatrix(rows: rows, columns: columns, room: room)
      compute(fresh, false)
      value = fresh
    }
  }
}

extension Device {
  /// A new matrix, its content undefined.
  ///
  /// - Parameter room: rows there is memory for, where that is more than `rows`.
  public func makeMatrix(rows: Int, columns: Int, room: Int = 0) -> Matrix {
    Matrix(makeBuffer(.float32, count: max(rows, room) * columns)[...], rows: rows, columns: columns)
  }
}

extension Matrix {
  /// Rows a contiguous matrix has memory for. Where their number changes from step to step, as labelled
  /// positions do, there is room for more than ``rows``, so that each step finds the last one's memory.
  var room: Int { columns == 0 ? rows : storage.count / columns }

  /// All elements of a contiguous matrix, in row order.
  public var elements: BufferSlice {
    precondition(isContiguous, "Matrix: \(rows)x\(columns) with stride \(stride) has gaps")
    return storage.prefix(rows * columns)
  }
}
