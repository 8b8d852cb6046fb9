import AntDevice
import Foundation

/// The fallback that is always there: every operation in Swift, on all cores.
///
/// Commands run at once, on the calling thread and its helpers, and are done when the call returns. So a
/// buffer may be reused as soon as it is released, and ``synchronize()`` only reports failures.
public final class CPUDevice: Device {
  public let info: DeviceInfo
  let parallel: Parallel
  private let pool: MemoryPool
  private let profiling: Bool
  private var profiles: [String: KernelProfile] = [:]
  /// The first failure; once set, commands do nothing.
  private var failure: DeviceError?

  /// - Parameters:
  ///   - threads: how many threads work on an operation; all cores where not given. Changes no result.
  ///   - profiling: whether ``profile`` is kept.
  public init(threads: Int? = nil, profiling: Bool = false) {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    self.parallel = Parallel(threads: max(1, threads ?? cores))
    self.profiling = profiling
    self.pool = MemoryPool(limit: memory)
    self.info = DeviceInfo(
      identifier: "cpu", name: "built-in CPU", kind: .cpu, vendor: Self.vendor, driver: "Swift",
      memory: memory, computeUnits: parallel.threads)
  }

  /// The processor's own name, where the system tells it.
  private static var vendor: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let model = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    return model.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
  }

  public func makeBuffer(_ elementType: ElementType, count: Int) -> Buffer {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: elementType.size)
    let block = failure == nil && !overflow ? pool.take(bytes) : nil
    if block == nil { fail(.outOfMemory(device: "cpu", requestedBytes: overflow ? Int.max : bytes)) }
    return CPUBuffer(elementType, count: count, block: block, pool: pool)
  }

  public func write(_ source: UnsafeRawBufferPointer, to slice: BufferSlice) {
    guard failure == nil else { return }
    let destination = slice.bytes
    precondition(
      source.count == destination.count, "write: \(source.count) bytes into \(destination.count)")
    destination.copyMemory(from: source)
  }

  public func read(_ slice: BufferSlice, into destination: UnsafeMutableRawBufferPointer) throws {
    try synchronize()
    let source = UnsafeRawBufferPointer(slice.bytes)
    precondition(
      source.count == destination.count, "read: \(source.count) bytes into \(destination.count)")
    destination.copyMemory(from: source)
  }

  public func read(_ slice: BufferSlice, inPieces body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try synchronize()
    try body(UnsafeRawBufferPointer(slice.bytes))
  }

  public func synchronize() throws {
    if let failure { throw failure }
  }

  public var memoryUse: MemoryUse { pool.use }

  public var profile: [KernelProfile] { profiles.values.sorted { $0.seconds > $1.seconds } }

  /// Remembers the first failure.
  private func fail(_ error: DeviceError) { failure = failure ?? error }

  /// Runs one command, unless the device has failed.
  ///
  /// - Parameters:
  ///   - operations: floating point operations, for the profile; 0 where counting them says nothing.
  ///   - floats: elements read and written at least once.
  func command(
    _ name: String, operations: @autoclosure () -> Int = 0, floats: @autoclosure () -> Int,
    _ body: () -> Void
  ) {
    guard failure == nil else { return }
    guard profiling else { return body() }
    let start = DispatchTime.now().uptimeNanoseconds
    body()
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    var entry =
      profiles[name]
      ?? KernelProfile(name: name, launches: 0, seconds: 0, operations: 0, bytes: 0)
    entry.launches += 1
    entry.seconds += seconds
    entry.operations += Double(operations())
    entry.bytes += Double(4 * floats())
    profiles[name] = entry
  }

  /// Memory for the time of one command, its size rounded up so that operands of almost the same size share
  /// it. Out of memory, the device fails and `body` does not run.
  func withScratch(_ floats: Int, _ body: (Floats) -> Void) {
    let bytes = 4 * Buffer.room(for: floats)
    guard let block = pool.take(bytes) else {
      return fail(.outOfMemory(device: "cpu", requestedBytes: bytes))
    }
    body(block.memory.assumingMemoryBound(to: Float.self))
    pool.give(block)
  }
}
