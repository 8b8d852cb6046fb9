/// What a buffer's elements are.
public enum ElementType: String, Sendable, Codable {
  case float32, int32

  /// Bytes of one element.
  public var size: Int { 4 }
}

/// Memory on one device. Each device subclasses it with its own handle; the memory returns to that device's
/// pool when the last reference is dropped.
open class Buffer {
  public let elementType: ElementType
  /// Elements, not bytes.
  public let count: Int

  public init(elementType: ElementType, count: Int) {
    precondition(count >= 0, "Buffer: a count of \(count)")
    self.elementType = elementType
    self.count = count
  }

  /// The least power of two that is at least `count`: how much room to ask for where the count changes a
  /// little from step to step, so that each step finds the last one's memory in the pool.
  public static func room(for count: Int) -> Int {
    count <= 1 ? count : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
  }

  /// The elements `range`.
  public final subscript(range: Range<Int>) -> BufferSlice {
    BufferSlice(buffer: self, offset: range.lowerBound, count: range.count)
  }

  /// Every element: `buffer[...]`.
  public final subscript(_: UnboundedRange) -> BufferSlice {
    BufferSlice(buffer: self, offset: 0, count: count)
  }
}

/// A run of elements in a buffer; kernels receive the buffer and the offset. It keeps the buffer alive.
public struct BufferSlice {
  public let buffer: Buffer
  /// First element, counted in elements from the buffer's beginning.
  public let offset: Int
  public let count: Int

  public init(buffer: Buffer, offset: Int, count: Int) {
    precondition(
      offset >= 0 && count >= 0 && offset + count <= buffer.count,
      "BufferSlice: \(count) elements at \(offset) do not fit a buffer of \(buffer.count)")
    self.buffer = buffer
    self.offset = offset
    self.count = count
  }

  public var elementType: ElementType { buffer.elementType }

  /// The elements `range`, counted from the slice's beginning.
  public subscript(range: Range<Int>) -> BufferSlice {
    precondition(
      range.upperBound <= count && range.lowerBound >= 0, "BufferSlice: \(range) of a slice of \(count)")
    return BufferSlice(buffer: buffer, offset: offset + range.lowerBound, count: range.count)
  }

  /// The first `length` elements.
  public func prefix(_ length: Int) -> BufferSlice { self[0..<length] }
}

/// Rows of floats: element (r, c) lies `r * stride + c` elements into `storage`. With a stride larger than
/// `columns`, a matrix is a block of columns of a wider one (a head's share of the queries, say).
public struct Matrix {
  public let storage: BufferSlice
  public let rows: Int
  public let columns: Int
  public let stride: Int

  /// - Parameter stride: elements from one row to the next; `columns` where not given.
  public init(_ storage: BufferSlice, rows: Int, columns: Int, stride: Int? = nil) {
    let stride = stride ?? columns
    precondition(
      rows >= 0 && columns >= 0 && stride >= columns, "Matrix: \(rows)x\(columns) with stride \(stride)")
    let needed = rows == 0 || columns == 0 ? 0 : (rows - 1) * stride + columns
    require(storage, holds: needed, of: .float32, "Matrix \(rows)x\(columns) stride \(stride)")
    self.storage = storage
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  /// Rows follow each other without a gap.
  public var isContiguous: Bool { stride == columns || rows <= 1 }

  /// Some of the rows, without a copy.
  public func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "Matrix: rows \(range) of \(rows)")
    let start = min(range.lowerBound * stride, storage.count)
    return Matrix(storage[start..<storage.count], rows: range.count, columns: columns, stride: stride)
  }

  /// Some of the columns, without a copy; the stride stays.
  public func columns(_ range: Range<Int>) -> Matrix {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= columns, "Matrix: columns \(range) of \(columns)")
    let start = min(range.lowerBound, storage.count)
    return Matrix(storage[start..<storage.count], rows: rows, columns: range.count, stride: stride)
  }

  func requireShape(_ rows: Int, _ columns: Int, _ what: String) {
    precondition(
      self.rows == rows && self.columns == columns,
      "\(what): expected \(rows)x\(columns), got \(self.rows)x\(self.columns)")
  }
}

/// Traps unless `slice` has `count` elements of `type`: the check every operation makes of its operands.
func require(_ slice: BufferSlice, holds count: Int, of type: ElementType, _ what: @autoclosure () -> String)
{
  precondition(
    slice.count >= count && slice.elementType == type,
    "\(what()): needs \(count) \(type.rawValue), got \(slice.count) \(slice.elementType.rawValue)")
}
