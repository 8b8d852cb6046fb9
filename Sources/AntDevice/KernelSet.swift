/// Which of a device's two sets of kernels runs. Both are correct everywhere; each is fast on its own kind of
/// device.
public enum KernelSet: String, Sendable, CaseIterable {
  /// The set for the device's kind.
  case automatic
  /// Fat work-items without barriers: what a CPU's compiler vectorizes.
  case cpu
  /// Work-groups that share local memory.
  case gpu
}
