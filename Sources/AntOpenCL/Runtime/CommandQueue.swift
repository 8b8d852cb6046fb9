import AntDevice
import CAntOpenCL

/// A context and its one in-order queue: commands run in the order given, so memory may be handed out again as
/// soon as its last command is enqueued. The first failure sticks: every later command does nothing.
final class CommandQueue {
  let hardware: OpenCLHardware
  let cl: OpenCLFunctions
  let context: cl_context
  let queue: cl_command_queue
  private(set) var failure: DeviceError?
  let profiler: Profiler?
  /// Host copies of small writes still under way, oldest first.
  private var staged: [(event: cl_event, memory: UnsafeMutableRawPointer)] = []
  private var firstStaged = 0

  init(_ hardware: OpenCLHardware, profiling: Bool) throws {
    let cl = hardware.library.functions
    func failed(_ call: String, _ status: cl_int) -> DeviceError {
      .commandFailed(device: hardware.info.name, call: call, code: Int(status))
    }
    var status: cl_int = 0
    var device: cl_device_id? = hardware.device
    guard let context = cl.clCreateContext(nil, 1, &device, nil, nil, &status) else {
      throw failed("clCreateContext", status)
    }
    let properties = cl_command_queue_properties(profiling ? CL_QUEUE_PROFILING_ENABLE : 0)
    guard let queue = cl.clCreateCommandQueue(context, hardware.device, properties, &status) else {
      _ = cl.clReleaseContext(context)
      throw failed("clCreateCommandQueue", status)
    }
    self.hardware = hardware
    self.cl = cl
    self.context = context
    self.queue = queue
    self.profiler = profiling ? Profiler(cl) : nil
  }

  deinit {
    _ = cl.clFinish(queue)
    releaseStaged(waiting: true)
    profiler?.collect()
    _ = cl.clReleaseCommandQueue(queue)
    _ = cl.clReleaseContext(context)
  }

  /// Remembers the first failure.
  func fail(_ error: DeviceError) {
    if failure == nil { failure = error }
  }

  /// True where `status` is success; otherwise the queue has failed.
  func succeeded(_ status: cl_int, _ call: @autoclosure () -> String) -> Bool {
    if status == CL_SUCCESS { return true }
    fail(
      status == CL_MEM_OBJECT_ALLOCATION_FAILURE || status == CL_OUT_OF_HOST_MEMORY
        ? .outOfMemory(device: hardware.info.name, requestedBytes: 0)
        : .commandFailed(device: hardware.info.name, call: call(), code: Int(status)))
    return false
  }

  /// Enqueues a kernel whose arguments are set.
  func launch(_ kernel: cl_kernel, name: String, global: [Int], local: [Int]?, cost: Cost) {
    guard failure == nil else { return }
    var event: cl_event?
    // Only a profiled launch asks for its event.
    func enqueue(_ local: UnsafePointer<Int>?, _ event: UnsafeMutablePointer<cl_event?>?) -> cl_int {
      cl.clEnqueueNDRangeKernel(queue, kernel, cl_uint(global.count), nil, global, local, 0, nil, event)
    }
    let status = withUnsafeMutablePointer(to: &event) { event in
      let event = profiler == nil ? nil : event
      return local.map { enqueue($0, event) } ?? enqueue(nil, event)
    }
    if succeeded(status, "launching \(name)"), let event { profiler?.add(event, name: name, cost: cost) }
  }

  /// Writes at most this many bytes through a copy; longer ones wait instead, which costs less than copying.
  private static let stagingLimit = 1 << 20

  /// Copies host memory to `memory`; the host memory is free again on return.
  func write(_ source: UnsafeRawBufferPointer, to memory: cl_mem, at offset: Int) {
    guard failure == nil, source.count > 0 else { return }
    guard source.count <= Self.stagingLimit else {
      let status = cl.clEnqueueWriteBuffer(
        queue, memory, cl_bool(CL_TRUE), offset, source.count, source.baseAddress, 0, nil, nil)
      _ = succeeded(status, "clEnqueueWriteBuffer")
      return
    }
    releaseStaged(waiting: false)
    let copy = UnsafeMutableRawPointer.allocate(byteCount: source.count, alignment: 64)
    copy.copyMemory(from: source.baseAddress!, byteCount: source.count)
    var event: cl_event?
    let status = cl.clEnqueueWriteBuffer(
      queue, memory, cl_bool(CL_FALSE), offset, source.count, copy, 0, nil, &event)
    if succeeded(status, "clEnqueueWriteBuffer"), let event {
      staged.append((event, copy))
    } else {
      copy.deallocate()
    }
  }

  /// Waits for everything before it and copies device memory to the host.
  func read(_ memory: cl_mem, at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws {
    if failure == nil, destination.count > 0 {
      let status = cl.clEnqueueReadBuffer(
        queue, memory, cl_bool(CL_TRUE), offset, destination.count, destination.baseAddress, 0, nil, nil)
      _ = succeeded(status, "clEnqueueReadBuffer")
    }
    if let failure { throw failure }
    profiler?.collect()
  }

  /// Waits for everything before it and shows `body` device memory where it lies: for devices that share the host's.
  func withMapped(
    _ memory: cl_mem, at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try finish()
    var status: cl_int = CL_SUCCESS
    let address = cl.clEnqueueMapBuffer(
      queue, memory, cl_bool(CL_TRUE), cl_map_flags(CL_MAP_READ), offset, count, 0, nil, nil, &status)
    guard succeeded(status, "clEnqueueMapBuffer"), let address else {
      if let failure { throw failure }
      return
    }
    defer {
      _ = succeeded(
        cl.clEnqueueUnmapMemObject(queue, memory, address, 0, nil, nil), "clEnqueueUnmapMemObject")
    }
    try body(UnsafeRawBufferPointer(start: address, count: count))
  }

  func finish() throws {
    if failure == nil { _ = succeeded(cl.clFinish(queue), "clFinish") }
    if let failure { throw failure }
    releaseStaged(waiting: false)
    profiler?.collect()
  }

  /// Frees the copies whose writes are done: the queue is in order, so the oldest first.
  private func releaseStaged(waiting: Bool) {
    while firstStaged < staged.count {
      var (event, memory): (cl_event?, UnsafeMutableRawPointer) = staged[firstStaged]
      var state: cl_int = 0
      let status = cl.clGetEventInfo(
        event, cl_event_info(CL_EVENT_COMMAND_EXECUTION_STATUS), MemoryLayout<cl_int>.size, &state, nil)
      // A negative state is a failed command, which is done as well.
      if status == CL_SUCCESS && state > CL_COMPLETE {
        guard waiting else { break }
        _ = cl.clWaitForEvents(1, &event)
      }
      _ = cl.clReleaseEvent(event)
      memory.deallocate()
      firstStaged += 1
    }
    if firstStaged == staged.count || firstStaged > 256 {
      staged.removeFirst(firstStaged)
      firstStaged = 0
    }
  }
}

/// What a launch has to do at least: floating point operations, and bytes read and written once.
struct Cost {
  var operations = 0.0
  var bytes = 0.0
}
