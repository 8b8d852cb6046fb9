import AntDevice
import AntDevices
import AntTestSupport
import Testing

@testable import AntCheck

/// The whole suite on the devices of this machine.
@Suite(.optimized) struct ConformanceTests {
  @Test func theBuiltInDeviceComputesRight() throws {
    try expectRight(Devices.open("cpu", examined: false).device)
  }

  /// Both kernel sets, whatever the device.
  @Test(.openCL, arguments: [KernelSet.cpu, .gpu]) func openCLComputesRight(kernels: KernelSet) throws {
    try expectRight(
      Devices.open("opencl", options: DeviceOptions(kernels: kernels), examined: false).device)
  }

  private func expectRight(_ device: any Device) throws {
    let report = try Conformance.run(on: device, suite: .full)
    #expect(report.cases == Conformance.cases().count)
    #expect(report.passed, "\(report.table)")
  }
}
