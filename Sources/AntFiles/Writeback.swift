import Foundation
import Synchronization

/// Syncs a file in the background while it is still being written, so that little is left to wait for at the end.
final class Writeback: Sendable {
  private let isRunning = Atomic(false)
  /// The first error number of a sync: the system tells of a failure once, and not to the last sync.
  private let failure = Atomic<Int32>(0)
  private let group = DispatchGroup()

  /// Sets the disk to work on what has been written, unless it still is at work.
  func start(_ descriptor: Int32) {
    guard isRunning.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      return
    }
    DispatchQueue.global().async(group: group) { [self] in
      if fdatasync(descriptor) != 0, !FileSystem.isRefusalToSynchronize(errno) {
        _ = failure.compareExchange(expected: 0, desired: errno, ordering: .relaxed)
      }
      isRunning.store(false, ordering: .releasing)
    }
  }

  /// Waits until none is under way. Gives the error number of one that failed, or 0.
  func wait() -> Int32 {
    group.wait()
    return failure.load(ordering: .relaxed)
  }
}
