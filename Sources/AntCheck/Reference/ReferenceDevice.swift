import AntDevice

/// The device contract in double precision with the plainest loops: the oracle every other device is held
/// against, and the device behind central differences. float32 buffers hold doubles; writing and reading
/// convert, ``readDoubles(_:)`` and ``writeDoubles(_:to:)`` do not.
///
/// Each family is an extension in a file of its own. Commands run at once, so nothing is ever in flight.
public class ReferenceDevice: Device {
  private let ledger = ReferenceLedger()

  public init() {}

  public let info = DeviceInfo(
    identifier: "reference", name: "Reference in double precision", kind: .cpu, vendor: "AntLM",
    driver: "reference", memory: 1 << 40, computeUnits: 1)

  public var memoryUse: MemoryUse { ledger.use }
  public var profile: [KernelProfile] { [] }

  public func makeBuffer(_ elementType: ElementType, count: Int) -> Buffer {
    ReferenceBuffer(elementType, count: count, ledger: ledger)
  }

  public func synchronize() throws {}

  public func write(_ source: UnsafeRawBufferPointer, to slice: BufferSlice) {
    precondition(
      source.count == slice.count * slice.elementType.size,
      "ReferenceDevice: \(source.count) bytes for \(slice.count) elements")
    for index in 0..<slice.count {
      switch slice.elementType {
      case .float32:
        slice.numbers[index] = Measured(source.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
      case .int32:
        slice.integers[index] = source.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)
      }
    }
  }

  public func read(_ slice: BufferSlice, into destination: UnsafeMutableRawBufferPointer) throws {
    precondition(
      destination.count == slice.count * slice.elementType.size,
      "ReferenceDevice: \(slice.count) elements into \(destination.count) bytes")
    for index in 0..<slice.count {
      switch slice.elementType {
      case .float32:
        destination.storeBytes(
          of: Float(slice.numbers[index].value), toByteOffset: 4 * index, as: Float.self)
      case .int32:
        destination.storeBytes(of: slice.integers[index], toByteOffset: 4 * index, as: Int32.self)
      }
    }
  }

  // MARK: What a device that computes something else overrides, which it could not in an extension

  public var tuning: Tuning {
    get { Tuning() }
    set {}
  }

  public func ways(toCompute operation: Matmul) -> Tuning.Ways? { nil }

  public func matmul(_ operation: Matmul) { compute(operation) }
  public func attention(_ operation: Attention) { compute(operation) }
  public func dropout(_ operation: Dropout) { compute(operation) }

  // MARK: Numbers

  /// The numbers of a float32 slice, unrounded.
  public func readDoubles(_ slice: BufferSlice) -> [Double] {
    (0..<slice.count).map { slice.numbers[$0].value }
  }

  /// Puts unrounded numbers into the beginning of a float32 slice.
  public func writeDoubles(_ values: [Double], to slice: BufferSlice) {
    precondition(values.count <= slice.count, "ReferenceDevice: \(values.count) into \(slice.count)")
    for (index, value) in values.enumerated() { slice.numbers[index] = Measured(value) }
  }

  /// The numbers of a float32 slice with the sizes of what they were made from.
  func readMeasured(_ slice: BufferSlice) -> [Measured] {
    (0..<slice.count).map { slice.numbers[$0] }
  }
}
