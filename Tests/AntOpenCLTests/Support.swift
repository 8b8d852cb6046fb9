import AntDevice
import AntOpenCL
import Testing

/// An OpenCL device of this machine under one of the sets of kernels.
struct KernelSetUnderTest: CustomTestStringConvertible, Sendable {
  let hardware: OpenCLHardware
  let kernels: KernelSet

  var testDescription: String { "\(hardware.info.name), \(kernels.rawValue) kernels" }

  static let all: [KernelSetUnderTest] = OpenCLHardware.all().hardware.flatMap { hardware in
    [KernelSet.cpu, .gpu].map { KernelSetUnderTest(hardware: hardware, kernels: $0) }
  }

  static let gpu = all.filter { $0.kernels == .gpu }

  func open() throws -> OpenCLDevice { try OpenCLDevice(hardware, kernels: kernels) }
}

/// What needs an OpenCL device. One after another: a simulator is one for the whole process.
@Suite(
  .serialized, .enabled(if: !KernelSetUnderTest.all.isEmpty, "this machine has no OpenCL device"))
enum KernelTests {}
