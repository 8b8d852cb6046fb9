import AntDevice
import CAntOpenCL

/// One argument of a kernel.
enum KernelArgument {
  /// Two arguments: `__global T *x, long xOffset`, the offset in elements. Nil is a null pointer and 0.
  case slice(BufferSlice?)
  case int(Int)
  case long(Int)
  case uint(UInt32)
  case float(Float)
  /// `__local T *x` of so many bytes.
  case local(bytes: Int)

  /// A matrix is four arguments less the obvious: its storage and offset, then its stride as an int.
  static func matrix(_ matrix: Matrix?) -> [KernelArgument] {
    [.slice(matrix?.storage), .int(matrix?.stride ?? 0)]
  }
}

extension OpenCLDevice {
  /// Sets the arguments of `kernel` in `file`.cl and enqueues it; nothing happens on a failed device.
  ///
  /// - Parameters:
  ///   - global: work-items by dimension; each a multiple of `local`'s.
  ///   - local: work-items of a group; the driver's choice where nil.
  func launch(
    _ file: String, _ kernel: String, options: String = "", global: [Int], local: [Int]? = nil,
    operations: Double = 0, bytes: Double = 0, _ arguments: [KernelArgument]
  ) {
    guard queue.failure == nil, !global.contains(0) else { return }
    guard let object = programs.kernel(kernel, of: file, options: options) else { return }
    var index: cl_uint = 0
    func set<Value>(_ value: Value) {
      withUnsafePointer(to: value) { pointer in
        let status = queue.cl.clSetKernelArg(object, index, MemoryLayout<Value>.size, pointer)
        _ = queue.succeeded(status, "argument \(index) of \(kernel)")
      }
      index += 1
    }
    for argument in arguments {
      switch argument {
      case .slice(let slice):
        set(slice?.memory)
        set(cl_long(slice?.offset ?? 0))
      case .int(let value): set(cl_int(value))
      case .long(let value): set(cl_long(value))
      case .uint(let value): set(cl_uint(value))
      case .float(let value): set(cl_float(value))
      case .local(let bytes):
        _ = queue.succeeded(
          queue.cl.clSetKernelArg(object, index, bytes, nil), "argument \(index) of \(kernel)")
        index += 1
      }
    }
    queue.launch(
      object, name: kernel, global: global, local: local, cost: Cost(operations: operations, bytes: bytes))
  }

  /// Memory for the length of an operation: it returns to the pool when the last reference goes.
  func scratch(_ count: Int) -> BufferSlice {
    makeBuffer(.float32, count: Buffer.room(for: count))[0..<count]
  }
}
