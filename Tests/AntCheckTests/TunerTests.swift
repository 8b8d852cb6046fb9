import AntDevice
import AntDevices
import AntTestSupport
import Testing

@testable import AntCheck

@Suite struct TunerTests {
  /// The quickest way that computes right wins; a quicker one that does not is refused.
  @Test func theFastestRightWayWins() throws {
    let device = FaultyDevice(.none)
    device.hasWays = true
    let outcome = try #require(
      try Tuner(device).tune(transposeA: false, transposeB: true, m: 5, n: 7, k: 9))
    #expect(outcome.choice == FaultyDevice.Way.quick && outcome.tried == 3 && outcome.refused == 1)
    #expect(outcome.after < outcome.before && outcome.before >= 3e-3)
    #expect(device.tuning.choices == [FaultyDevice.shapeClass: FaultyDevice.Way.quick])
  }

  /// Where nothing is faster, or there is one way only, the device's own rule stays.
  @Test func whatGainsNothingIsNotChosen() throws {
    let device = FaultyDevice(.none)
    #expect(try Tuner(device).tune(transposeA: false, transposeB: false, m: 2, n: 2, k: 2) == nil)
    #expect(device.tuning == Tuning())
  }

  @Test func aFailedDeviceKeepsItsTuning() throws {
    let device = FaultyDevice(.failure)
    device.hasWays = true
    device.tuning.choices[FaultyDevice.shapeClass] = FaultyDevice.Way.slow
    #expect(throws: DeviceError.self) {
      try Tuner(device).tune(transposeA: true, transposeB: false, m: 5, n: 7, k: 9)
    }
    #expect(device.tuning.choices == [FaultyDevice.shapeClass: FaultyDevice.Way.slow])
  }

  /// Every way of the OpenCL device here computes what the reference computes, in every layout.
  @Test(.openCL, arguments: KernelSet.allCases, [Precision.float32, .bfloat16])
  func everyWayIsRight(kernels: KernelSet, precision: Precision) throws {
    let device = try Devices.open("opencl", options: DeviceOptions(kernels: kernels)).device
    // Below float32 operands are packed, and what is multiplied looks the same in every layout.
    for (transposeA, transposeB) in precision == .float32
      ? [(false, false), (false, true), (true, false)] : [(true, false)]
    {
      let outcome = try #require(
        try Tuner(device).tune(
          transposeA: transposeA, transposeB: transposeB, m: 131, n: 77, k: 517, precision: precision))
      #expect((1...40).contains(outcome.tried) && outcome.refused == 0, "\(outcome)")
      #expect(outcome.shapeClass.hasSuffix("bfloat16") == (precision == .bfloat16))
      #expect(outcome.after <= outcome.before)
    }
  }
}
