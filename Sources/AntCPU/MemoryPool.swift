import AntDevice
import Foundation
import Synchronization

/// Memory of the device: blocks of a few size classes, kept when released and handed out again, so that a
/// settled loop asks nothing of the system.
///
/// A class is one of eight steps between two powers of two, so at most an eighth of a block is wasted. Blocks
/// begin on a 64-byte boundary.
final class MemoryPool: Sendable {
  struct Block: @unchecked Sendable {
    let memory: UnsafeMutableRawPointer
    let bytes: Int
  }

  private struct State {
    var free: [Int: [Block]] = [:]
    var use = MemoryUse()
  }

  private let state = Mutex(State())
  /// The most bytes the pool may hold.
  let limit: Int

  init(limit: Int) { self.limit = limit }

  deinit { trim() }

  var use: MemoryUse { state.withLock { $0.use } }

  /// A block of at least `bytes` bytes, or nil where the system or the limit does not allow one.
  func take(_ bytes: Int) -> Block? {
    guard bytes <= limit else { return nil }
    let size = Self.classSize(bytes)
    if let block = state.withLock({ $0.free[size]?.popLast() }) { return block }
    if use.bytes + size > limit { trim() }
    guard use.bytes + size <= limit else { return nil }
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, 64, size) == 0, let memory else { return nil }
    state.withLock {
      $0.use.bytes += size
      $0.use.peakBytes = max($0.use.peakBytes, $0.use.bytes)
      $0.use.allocations += 1
    }
    return Block(memory: memory, bytes: size)
  }

  func give(_ block: Block) {
    state.withLock { $0.free[block.bytes, default: []].append(block) }
  }

  /// Returns every free block to the system.
  private func trim() {
    state.withLock { state in
      for block in state.free.values.joined() {
        free(block.memory)
        state.use.bytes -= block.bytes
      }
      state.free = [:]
    }
  }

  static func classSize(_ bytes: Int) -> Int {
    guard bytes > 512 else { return 512 }
    let step = 1 << (Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount - 3)
    return (bytes + step - 1) / step * step
  }
}

/// A buffer of the CPU device; its memory returns to the pool with the last reference.
final class CPUBuffer: Buffer {
  private let pool: MemoryPool
  /// Nil in a device that has run out of memory, whose commands do nothing.
  let block: MemoryPool.Block?

  init(_ elementType: ElementType, count: Int, block: MemoryPool.Block?, pool: MemoryPool) {
    self.pool = pool
    self.block = block
    super.init(elementType: elementType, count: count)
  }

  deinit {
    if let block { pool.give(block) }
  }
}

extension BufferSlice {
  /// Where the slice's memory begins.
  private var memory: UnsafeMutableRawPointer {
    guard let memory = (buffer as? CPUBuffer)?.block?.memory else {
      preconditionFailure("CPUDevice: a buffer of another device or of a failed one")
    }
    return memory + offset * elementType.size
  }

  var floats: Floats { memory.assumingMemoryBound(to: Float.self) }
  var integers: UnsafePointer<Int32> { UnsafePointer(memory.assumingMemoryBound(to: Int32.self)) }
  var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: memory, count: count * elementType.size)
  }
}

extension Matrix {
  var floats: Floats { storage.floats }
  /// Elements of the matrix itself, without what lies between its rows.
  var count: Int { rows * columns }
}
