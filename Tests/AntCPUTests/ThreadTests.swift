import AntCPU
import AntTestSupport
import Testing

@testable import AntCheck

/// What the built-in device computes is no matter of how many threads it has. That it is right, the conformance suite
/// says.
@Suite struct ThreadTests {
  @Test(.optimized, arguments: Conformance.families)
  func bitsAreTheSameOnAnyNumberOfThreads(family: String) throws {
    let devices = [1, 2, 5].map { CPUDevice(threads: $0) }
    let cases = Conformance.cases(families: [family])
    #expect(!cases.isEmpty)
    for conformanceCase in cases {
      let images = try devices.map { device in
        try conformanceCase.run(on: device).operands.map { try $0.image(on: device) }
      }
      #expect(images[1] == images[0] && images[2] == images[0], "\(conformanceCase.name)")
    }
  }
}
