import AntDevice

/// Host memory: float32 elements are kept as ``Measured`` doubles, int32 elements as they are. It begins as
/// not-a-number (or the smallest integer), so that reading what nobody wrote is seen.
final class ReferenceBuffer: Buffer {
  /// Empty where the element type is int32.
  let numbers: UnsafeMutableBufferPointer<Measured>
  /// Empty where the element type is float32.
  let integers: UnsafeMutableBufferPointer<Int32>
  private let ledger: ReferenceLedger

  init(_ elementType: ElementType, count: Int, ledger: ReferenceLedger) {
    numbers = .allocate(capacity: elementType == .float32 ? count : 0)
    numbers.initialize(repeating: Measured(Double.nan))
    integers = .allocate(capacity: elementType == .int32 ? count : 0)
    integers.initialize(repeating: .min)
    self.ledger = ledger
    super.init(elementType: elementType, count: count)
    ledger.grow(by: bytes)
  }

  deinit {
    ledger.shrink(by: bytes)
    numbers.deallocate()
    integers.deallocate()
  }

  private var bytes: Int {
    numbers.count * MemoryLayout<Measured>.stride + integers.count * MemoryLayout<Int32>.stride
  }
}

/// What a device's buffers hold in all.
final class ReferenceLedger {
  private(set) var use = MemoryUse()

  func grow(by bytes: Int) {
    use.bytes += bytes
    use.peakBytes = max(use.peakBytes, use.bytes)
    use.allocations += 1
  }

  func shrink(by bytes: Int) { use.bytes -= bytes }
}

/// A matrix whose elements can be named by row and column. It borrows the buffer of the operation it serves.
struct ReferenceRows {
  let start: UnsafeMutablePointer<Measured>
  let stride: Int
  let columns: Int

  subscript(row: Int, column: Int) -> Measured {
    get { start[row * stride + column] }
    nonmutating set { start[row * stride + column] = newValue }
  }

  /// A copy of one row, for operations that may overwrite their input.
  func row(_ row: Int) -> [Measured] {
    Array(UnsafeBufferPointer(start: start + row * stride, count: columns))
  }
}

/// Operands as the reference sees them. An empty one has no memory; its pointer is never followed.
extension BufferSlice {
  private var reference: ReferenceBuffer {
    guard let buffer = buffer as? ReferenceBuffer else {
      preconditionFailure("ReferenceDevice: a buffer of another device (\(type(of: buffer)))")
    }
    return buffer
  }

  var numbers: UnsafeMutablePointer<Measured> { reference.numbers.baseAddress! + offset }
  var integers: UnsafeMutablePointer<Int32> { reference.integers.baseAddress! + offset }
}

extension Matrix {
  /// - Parameter skipped: elements to move on by, as a batch does.
  func reference(skipping skipped: Int = 0) -> ReferenceRows {
    ReferenceRows(start: storage.numbers + skipped, stride: stride, columns: columns)
  }
}
