import AntDevice
import CAntOpenCL

/// The device contract in OpenCL: each family's kernels are in `Kernels/`, their launches in the file of the
/// family's name here.
public final class OpenCLDevice: Device {
  public let info: DeviceInfo
  var traits: OpenCLHardware.Traits
  /// Whether the kernels for GPUs run.
  let usesGPUKernels: Bool
  let queue: CommandQueue
  let programs: ProgramLibrary
  public var tuning = Tuning()
  /// Asked for when it is first needed.
  lazy var matrixUnit = MatrixUnit(of: queue.hardware)
  private let pool: BufferPool

  /// Opens the device. Kernels are built when first used.
  ///
  /// - Parameter profiling: measures every kernel by the device's own clock; costs a few per cent.
  public convenience init(
    _ hardware: OpenCLHardware, kernels: KernelSet = .automatic, profiling: Bool = false
  ) throws {
    try self.init(
      hardware, kernels: kernels, profiling: profiling, programs: .standard(for: hardware.info))
    tuning = TuningStore(hardware.info).read()
  }

  /// - Parameter cache: where built programs are kept; nil for nowhere.
  convenience init(
    _ hardware: OpenCLHardware, kernels: KernelSet = .automatic, profiling: Bool = false,
    programs cache: ProgramCache?
  ) throws {
    try KernelCacheSpace.require(for: hardware.info)
    self.init(on: try CommandQueue(hardware, profiling: profiling), kernels: kernels, programs: cache)
  }

  init(on queue: CommandQueue, kernels: KernelSet, programs cache: ProgramCache? = nil) {
    info = queue.hardware.info
    traits = queue.hardware.traits
    usesGPUKernels = kernels == .automatic ? !traits.isCPU : kernels == .gpu
    self.queue = queue
    programs = ProgramLibrary(queue, cache: cache)
    pool = BufferPool(queue)
  }

  public func makeBuffer(_ elementType: ElementType, count: Int) -> Buffer {
    OpenCLBuffer(elementType, count: count, from: pool)
  }

  public func write(_ source: UnsafeRawBufferPointer, to slice: BufferSlice) {
    let size = slice.elementType.size
    precondition(
      source.count == slice.count * size, "write: \(source.count) bytes to \(slice.count) elements")
    if let memory = slice.memory { queue.write(source, to: memory, at: slice.offset * size) }
  }

  public func read(_ slice: BufferSlice, into destination: UnsafeMutableRawBufferPointer) throws {
    let size = slice.elementType.size
    precondition(
      destination.count == slice.count * size,
      "read: \(slice.count) elements into \(destination.count) bytes")
    guard let memory = slice.memory else { return try queue.finish() }
    try queue.read(memory, at: slice.offset * size, into: destination)
  }

  public func read(_ slice: BufferSlice, inPieces body: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard info.kind == .openCLCPU, let memory = slice.memory, slice.count > 0 else {
      return try readByCopying(slice, inPieces: body)
    }
    let size = slice.elementType.size
    try queue.withMapped(memory, at: slice.offset * size, count: slice.count * size, body)
  }

  public func synchronize() throws { try queue.finish() }

  public var memoryUse: MemoryUse { pool.use }

  public var profile: [KernelProfile] { queue.profiler?.profile ?? [] }
}
