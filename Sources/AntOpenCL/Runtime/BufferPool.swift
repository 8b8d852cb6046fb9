import AntDevice
import CAntOpenCL

/// Device memory, kept for the next buffer of its size.
///
/// Sizes are rounded up to one of eight classes an octave, so at most an eighth is wasted and a settled
/// training loop, whose sizes repeat, allocates nothing. Memory is reused at once: the queue is in order.
final class BufferPool {
  private let queue: CommandQueue
  private var free: [Int: [cl_mem]] = [:]
  private(set) var use = MemoryUse()

  init(_ queue: CommandQueue) { self.queue = queue }

  deinit {
    for memory in free.values.joined() { _ = queue.cl.clReleaseMemObject(memory) }
  }

  /// Rounds up to a multiple of an eighth of the power of two below; at least 256.
  static func sizeClass(_ bytes: Int) -> Int {
    let bytes = max(bytes, 256)
    let step = max(256, (1 << (Int.bitWidth - 1 - bytes.leadingZeroBitCount)) >> 3)
    return (bytes + step - 1) / step * step
  }

  /// Memory of the size class; nil, and a failed queue, where there is none to be had.
  func take(_ sizeClass: Int) -> cl_mem? {
    if let memory = free[sizeClass]?.popLast() { return memory }
    guard queue.failure == nil else { return nil }
    if let memory = allocate(sizeClass) { return memory }
    // What lies about in other sizes may be what is missing.
    drain()
    if let memory = allocate(sizeClass) { return memory }
    queue.fail(.outOfMemory(device: queue.hardware.info.name, requestedBytes: sizeClass))
    return nil
  }

  func giveBack(_ memory: cl_mem, _ sizeClass: Int) { free[sizeClass, default: []].append(memory) }

  private func allocate(_ sizeClass: Int) -> cl_mem? {
    var status: cl_int = 0
    let memory = queue.cl.clCreateBuffer(
      queue.context, cl_mem_flags(CL_MEM_READ_WRITE), sizeClass, nil, &status)
    guard let memory, status == CL_SUCCESS else { return nil }
    use.allocations += 1
    use.bytes += sizeClass
    use.peakBytes = max(use.peakBytes, use.bytes)
    return memory
  }

  private func drain() {
    _ = queue.cl.clFinish(queue.queue)
    for (sizeClass, memories) in free {
      for memory in memories { _ = queue.cl.clReleaseMemObject(memory) }
      use.bytes -= sizeClass * memories.count
    }
    free.removeAll()
  }
}

/// Memory of an OpenCL device; nil where the device failed before it could be had.
final class OpenCLBuffer: Buffer {
  let memory: cl_mem?
  private let sizeClass: Int
  private let pool: BufferPool

  init(_ elementType: ElementType, count: Int, from pool: BufferPool) {
    sizeClass = BufferPool.sizeClass(count * elementType.size)
    memory = pool.take(sizeClass)
    self.pool = pool
    super.init(elementType: elementType, count: count)
  }

  deinit {
    if let memory { pool.giveBack(memory, sizeClass) }
  }
}

extension BufferSlice {
  /// The memory object the slice lies in. A buffer of another device is a programmer's mistake.
  var memory: cl_mem? {
    guard let buffer = buffer as? OpenCLBuffer else {
      preconditionFailure("OpenCLDevice: given a \(type(of: buffer)), which belongs to another device")
    }
    return buffer.memory
  }
}
