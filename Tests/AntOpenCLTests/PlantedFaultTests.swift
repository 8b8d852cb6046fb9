import AntDevice
import Foundation
import Testing

@testable import AntOpenCL

/// Kernels with a race and an overrun, for a checker that must report them: else its silence on the others
/// would mean nothing. They run where `ANTLM_PLANTED_FAULTS` is set and the device is a simulator.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["ANTLM_PLANTED_FAULTS"] != nil,
    "only under a checker, with ANTLM_PLANTED_FAULTS set: the faults are real"))
struct PlantedFaultTests {
  private static let source = """
    __kernel void race(__global float *x, long offset) { x[offset] = get_global_id(0); }
    __kernel void overrun(__global float *x, long offset, int count) { x[offset + count] = 1; }
    """

  /// One device for both: Oclgrind begins its log anew with every context.
  @Test func twoGroupsWriteOneWordAndOneWritesBehindTheBuffer() throws {
    let simulator = OpenCLHardware.all().hardware.first { $0.info.kind == .simulator }
    let device = try OpenCLDevice(try #require(simulator, "not on a simulator"))
    device.programs.program("planted", options: "", source: Self.source)
    let bytes = BufferPool.sizeClass(1)
    let buffer = device.makeBuffer([Float](repeating: 0, count: bytes / 4))
    device.launch("planted", "race", global: [2], local: [1], [.slice(buffer[...])])
    device.launch("planted", "overrun", global: [1], local: [1], [.slice(buffer[...]), .int(bytes / 4)])
    try device.synchronize()
  }
}
