import AntDevices
import Testing

/// What a test may need beyond the package; where it is missing the test is reported as skipped, with the reason.
extension Trait where Self == ConditionTrait {
  /// An optimized build: the built-in CPU device and the reference are some hundred times slower without.
  package static var optimized: Self {
    .enabled(if: isOptimized, "takes minutes without optimization; build with -c release")
  }

  /// An OpenCL device; simulators are too slow to count.
  package static var openCL: Self {
    .enabled(if: hasOpenCL, "this machine has no OpenCL device but simulators")
  }
}

#if DEBUG
  private let isOptimized = false
#else
  private let isOptimized = true
#endif

private let hasOpenCL = Devices.find().devices.contains {
  $0.identifier.hasPrefix("opencl") && $0.kind != .simulator
}
