import AntDevice
import CAntOpenCL

/// Sums up the device's own clock per kernel. Events are kept until somebody waits for the queue anyway, so
/// that measuring does not change what is measured.
final class Profiler {
  private let cl: OpenCLFunctions
  private var pending: [(event: cl_event, name: String, cost: Cost)] = []
  private var totals: [String: KernelProfile] = [:]

  init(_ cl: OpenCLFunctions) { self.cl = cl }

  func add(_ event: cl_event, name: String, cost: Cost) {
    pending.append((event, name, cost))
    if pending.count >= 4096 {
      var last: cl_event? = event
      _ = cl.clWaitForEvents(1, &last)
      collect()
    }
  }

  /// Reads the events of commands that are done.
  func collect() {
    for (event, name, cost) in pending {
      var start: cl_ulong = 0
      var end: cl_ulong = 0
      let size = MemoryLayout<cl_ulong>.size
      _ = cl.clGetEventProfilingInfo(event, cl_profiling_info(CL_PROFILING_COMMAND_START), size, &start, nil)
      _ = cl.clGetEventProfilingInfo(event, cl_profiling_info(CL_PROFILING_COMMAND_END), size, &end, nil)
      _ = cl.clReleaseEvent(event)
      totals[name, default: KernelProfile(name: name, launches: 0, seconds: 0, operations: 0, bytes: 0)]
        .add(seconds: end > start ? Double(end - start) * 1e-9 : 0, cost)
    }
    pending.removeAll(keepingCapacity: true)
  }

  /// Most expensive first.
  var profile: [KernelProfile] {
    totals.values.sorted { ($0.seconds, $1.name) > ($1.seconds, $0.name) }
  }
}

extension KernelProfile {
  fileprivate mutating func add(seconds: Double, _ cost: Cost) {
    launches += 1
    self.seconds += seconds
    operations += cost.operations
    bytes += cost.bytes
  }
}
