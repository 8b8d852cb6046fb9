import Dispatch
import Synchronization

/// Work divided into tasks that threads claim from a counter.
///
/// What a task is depends on the operation's shape alone and tasks share no sums, so that the number of threads
/// changes neither the partition nor a single bit of the result.
struct Parallel: Sendable {
  let threads: Int

  /// Runs `body(task)` for each task.
  func callAsFunction(_ tasks: Int, _ body: (_ task: Int) -> Void) {
    callAsFunction(workers: threads, tasks) { _, task in body(task) }
  }

  /// Runs `body(worker, task)` for each task; no two tasks run at the same time on one worker, which is below
  /// `workers`: what scratch memory is counted by.
  func callAsFunction(workers: Int, _ tasks: Int, _ body: (_ worker: Int, _ task: Int) -> Void) {
    let workers = min(workers, threads, tasks)
    guard workers > 1 else {
      for task in 0..<tasks { body(0, task) }
      return
    }
    // The pointers that `body` holds are not Sendable; that tasks write to disjoint memory is the caller's duty.
    withoutActuallyEscaping(body) { body in
      nonisolated(unsafe) let body = body
      let next = Atomic(0)
      DispatchQueue.concurrentPerform(iterations: workers) { worker in
        while true {
          let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard task < tasks else { return }
          body(worker, task)
        }
      }
    }
  }

  /// Elements of one task of a pointwise operation: enough to outweigh the cost of starting it.
  static let elementsPerTask = 16_384

  /// Runs `body` over runs of elements that together are `0 ..< count`.
  func overElements(_ count: Int, _ body: (_ range: Range<Int>) -> Void) {
    let size = Self.elementsPerTask
    self((count + size - 1) / size) { task in
      body(task * size..<min((task + 1) * size, count))
    }
  }

  /// Runs `body` over runs of rows that together are `0 ..< rows`.
  func overRows(_ rows: Int, columns: Int, _ body: (_ range: Range<Int>) -> Void) {
    let size = max(1, Self.elementsPerTask / max(1, columns))
    self((rows + size - 1) / size) { task in
      body(task * size..<min((task + 1) * size, rows))
    }
  }
}
