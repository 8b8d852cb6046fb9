import Device
import Testing

@testable import DeviceCheck
@testable import OpenCLDevice

extension KernelTests {
  /// Products below float32 under the kernels for GPUs: those of tensor cores, their instruction emulated, and
  /// those of GPUs that have none.
  @Suite struct MatrixUnitTests {
    static let sets = KernelSetUnderTest.all.filter { $0.kernels == .gpu }

    @Test(arguments: sets) func theEmulatedInstructionGivesTheKnownAnswer(_ set: KernelSetUnderTest) {
      for precision in Precision.allCases {
        #expect(MatrixUnit.emulated.answers(in: precision, on: set.hardware))
      }
    }

    /// Devices that are no GPUs run the kernels of tensor cores, whatever set them on.
    @Test(arguments: sets) func theUnitFollowsTheDevice(_ set: KernelSetUnderTest) throws {
      let hardware = set.hardware
      if hardware.traits.isCPU {
        #expect(try set.open().matrixUnit == .emulated)
        #expect(hardware.traits.computeCapability == 0)
      } else if hardware.traits.computeCapability < 80 {
        #expect(try set.open().matrixUnit == .none)
      }
    }

    /// What AMD's and Intel's GPUs run, which no machine without one would see.
    @Test(arguments: sets) func kernelsWithoutAMatrixUnitRound(_ set: KernelSetUnderTest) throws {
      let device = try set.open()
      device.matrixUnit = .none
      let isSimulated = set.hardware.info.kind == .simulator
      let cases = Conformance.cases(families: ["matmul"], suite: isSimulated ? .quick : .full)
        .filter { $0.operation.contains("tf32") || $0.operation.contains("bfloat16") }
      let chosen = cases.enumerated().filter { $0.offset % (isSimulated ? 40 : 3) == 0 }.map(\.element)
      let report = Conformance.run(chosen, on: device, suite: .full)
      #expect(report.passed, "\(report.table)")
      #expect(Set(report.operations.map(\.operation)).count >= (isSimulated ? 2 : 6))
    }
  }
}
