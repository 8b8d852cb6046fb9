import AntDevice
import AntDevices
import AntTestSupport
import Testing

/// The devices a test runs on: the built-in one and, where there is one, the best OpenCL device that computes
/// (a simulator is too slow).
let deviceNames: [String] =
  ["cpu"]
  + (Devices.find().devices.contains { $0.identifier.hasPrefix("opencl") && $0.kind != .simulator }
    ? ["opencl"] : [])

/// Says so where the tests of this target have no OpenCL device to run on.
@Suite struct TestDevicesTests {
  @Test(.openCL) func openCLTakesPart() { #expect(deviceNames.contains("opencl")) }
}

func openDevice(_ name: String) throws -> any Device { try Devices.open(name).device }
