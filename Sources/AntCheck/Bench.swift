import AntDevice

/// Where a case lays out its operands: each in a buffer of its own, somewhere inside it, guard words all
/// around. Equal seeds give equal operands, on whatever device.
///
/// - `input`: read only, must stay as it is.
/// - `output`: begins as not-a-number and is compared.
/// - `updated`: begins with values, is read and written, and is compared.
public final class Bench {
  public let device: any Device
  /// Draws for anything a case chooses at random.
  public var generator: Generator
  private(set) var operands: [Operand] = []

  init(_ device: any Device, seed: UInt64) {
    self.device = device
    generator = Generator(seed: seed)
  }

  // MARK: Vectors

  public func input(_ name: String, _ count: Int, _ values: Values = .normal()) -> BufferSlice {
    place(name, .input, Layout(columns: count), values).slice
  }

  /// - Parameter compared: the elements that the contract fixes; all where nil.
  public func output(
    _ name: String, _ count: Int, tolerance: Double = Conformance.tolerance, compared: Range<Int>? = nil
  ) -> BufferSlice {
    place(name, .output, Layout(columns: count), .notANumber, tolerance, compared).slice
  }

  public func updated(
    _ name: String, _ count: Int, _ values: Values = .normal(), tolerance: Double = Conformance.tolerance
  ) -> BufferSlice {
    place(name, .updated, Layout(columns: count), values, tolerance).slice
  }

  /// The very floats given.
  public func input(_ name: String, _ floats: [Float]) -> BufferSlice {
    let operand = Operand(
      name, .input, Layout(columns: floats.count), offset: offset(), floats: floats, tolerance: 0,
      compared: nil, on: device)
    operands.append(operand)
    return operand.slice
  }

  public func input(_ name: String, _ integers: [Int32]) -> BufferSlice {
    let layout = Layout(columns: integers.count)
    let operand = Operand(name, .input, layout, offset: offset(), integers: integers, on: device)
    operands.append(operand)
    return operand.slice
  }

  // MARK: Matrices

  /// - Parameter offset: elements before the first; drawn where nil.
  public func input(
    _ name: String, _ rows: Int, _ columns: Int, stride: Int? = nil, _ values: Values = .normal(),
    offset: Int? = nil
  ) -> Matrix {
    place(
      name, .input, Layout(rows: rows, columns: columns, stride: stride), values, offset: offset
    ).matrix
  }

  /// - Parameter offset: elements before the first; drawn where nil.
  public func output(
    _ name: String, _ rows: Int, _ columns: Int, stride: Int? = nil,
    tolerance: Double = Conformance.tolerance, offset: Int? = nil
  ) -> Matrix {
    place(
      name, .output, Layout(rows: rows, columns: columns, stride: stride), .notANumber, tolerance,
      offset: offset
    ).matrix
  }

  public func updated(
    _ name: String, _ rows: Int, _ columns: Int, stride: Int? = nil, _ values: Values = .normal(),
    tolerance: Double = Conformance.tolerance
  ) -> Matrix {
    place(name, .updated, Layout(rows: rows, columns: columns, stride: stride), values, tolerance).matrix
  }

  /// Matrices spaced by `batchStride`: the first of them, its storage long enough for all.
  public func batch(
    _ name: String, _ role: Role, _ count: Int, stride batchStride: Int, rows: Int, columns: Int,
    rowStride: Int? = nil, tolerance: Double = Conformance.tolerance
  ) -> Matrix {
    let layout = Layout(
      rows: rows, columns: columns, stride: rowStride, batches: count, batchStride: batchStride)
    return place(name, role, layout, role == .output ? .notANumber : .normal(), tolerance).matrix
  }

  private func place(
    _ name: String, _ role: Role, _ layout: Layout, _ values: Values,
    _ tolerance: Double = Conformance.tolerance, _ compared: Range<Int>? = nil, offset given: Int? = nil
  ) -> Operand {
    let offset = given ?? offset()
    let floats = layout.indices.map { _ in values.next(&generator) }
    let operand = Operand(
      name, role, layout, offset: offset, floats: floats, tolerance: tolerance, compared: compared, on: device
    )
    operands.append(operand)
    return operand
  }

  /// Half of the operands begin on a 64-element boundary, as parameters do; the others anywhere.
  private func offset() -> Int { generator.choice([64, 64, 37, 50]) }
}

/// What an operation may do with an operand.
public enum Role: Sendable { case input, output, updated }

/// Which elements of its buffer an operand owns, counted from its first; the gaps belong to the guards.
struct Layout {
  var rows = 1
  var columns: Int
  var stride: Int
  var batches: Int
  var batchStride: Int

  init(rows: Int = 1, columns: Int, stride: Int? = nil, batches: Int = 1, batchStride: Int = 0) {
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
    self.batches = batches
    self.batchStride = batchStride
  }

  /// Row by row, batch by batch.
  var indices: [Int] {
    (0..<batches).flatMap { batch in
      (0..<rows).flatMap { row in
        (0..<columns).map { batch * batchStride + row * stride + $0 }
      }
    }
  }

  /// From the first element to behind the last.
  var extent: Int {
    rows == 0 || columns == 0 ? 0 : (batches - 1) * batchStride + (rows - 1) * stride + columns
  }
}
