import CAntKernels
import CAntOpenCL

/// Kernels, built when first used: one program per source file and options, one kernel object per name.
///
/// Where a cache is given, what was built on this machine before is taken from there (see ``ProgramCache``).
///
/// A line `#include "name.cl"` is replaced by that file's text, for sources live in the binary and a driver's
/// compiler has no folder to look into.
final class ProgramLibrary {
  private struct Key: Hashable {
    var file: String
    var options: String
    var kernel = ""
  }

  private let queue: CommandQueue
  private let cache: ProgramCache?
  /// Programs that were compiled here, rather than found in the cache.
  private(set) var compilations = 0
  private var programs: [Key: cl_program] = [:]
  private var kernels: [Key: cl_kernel] = [:]

  init(_ queue: CommandQueue, cache: ProgramCache?) {
    self.queue = queue
    self.cache = cache
  }

  deinit {
    for kernel in kernels.values { _ = queue.cl.clReleaseKernel(kernel) }
    for program in programs.values { _ = queue.cl.clReleaseProgram(program) }
  }

  /// The kernel `name` of `file`.cl; nil, and a failed queue, where it does not build.
  func kernel(_ name: String, of file: String, options: String) -> cl_kernel? {
    let key = Key(file: file, options: options, kernel: name)
    if let kernel = kernels[key] { return kernel }
    guard queue.failure == nil else { return nil }
    guard let program = program(file, options: options) else { return nil }
    var status: cl_int = 0
    let kernel = queue.cl.clCreateKernel(program, name, &status)
    guard queue.succeeded(status, "clCreateKernel \(name) of \(file).cl") else { return nil }
    kernels[key] = kernel
    return kernel
  }

  /// Builds `file`.cl, or finds it built before.
  ///
  /// - Parameter source: the text, where it is not the one in the binary.
  @discardableResult
  func program(_ file: String, options: String, source: String? = nil) -> cl_program? {
    let key = Key(file: file, options: options)
    if let program = programs[key] { return program }
    guard let source = source ?? Self.source(file) else {
      preconditionFailure("ProgramLibrary: \(file).cl is not listed in Sources/CAntKernels/kernels.c")
    }
    let options = "-cl-std=CL1.2 \(options)"
    let cacheKey = cache.map { _ in
      ProgramCache.key(source: source, options: options, info: queue.hardware.info)
    }
    if let cacheKey, let program = cache?.binary(cacheKey).flatMap({ built($0, options: options) }) {
      programs[key] = program
      return program
    }
    guard let program = compiled(source, file: file, options: options) else { return nil }
    if let cacheKey, let binary = binary(of: program) { cache?.keep(binary, cacheKey) }
    programs[key] = program
    return program
  }

  /// Compiles a source; nil, and a failed queue, where it does not build.
  private func compiled(_ source: String, file: String, options: String) -> cl_program? {
    let cl = queue.cl
    compilations += 1
    var status: cl_int = 0
    let program = source.withCString { text in
      var text: UnsafePointer<CChar>? = text
      return cl.clCreateProgramWithSource(queue.context, 1, &text, nil, &status)
    }
    guard queue.succeeded(status, "clCreateProgramWithSource \(file).cl"), let program else { return nil }
    var device: cl_device_id? = queue.hardware.device
    status = cl.clBuildProgram(program, 1, &device, options, nil, nil)
    guard status == CL_SUCCESS else {
      queue.fail(.buildFailed(device: queue.hardware.info.name, program: file, log: log(of: program)))
      _ = cl.clReleaseProgram(program)
      return nil
    }
    return program
  }

  /// A program of a binary; nil where the driver does not take it, which is no failure: it is compiled then.
  private func built(_ binary: [UInt8], options: String) -> cl_program? {
    let cl = queue.cl
    var device: cl_device_id? = queue.hardware.device
    var length = binary.count
    var status: cl_int = 0
    let program = binary.withUnsafeBufferPointer { bytes in
      var start = bytes.baseAddress
      return cl.clCreateProgramWithBinary(queue.context, 1, &device, &length, &start, nil, &status)
    }
    guard status == CL_SUCCESS, let program else { return nil }
    guard cl.clBuildProgram(program, 1, &device, options, nil, nil) == CL_SUCCESS else {
      _ = cl.clReleaseProgram(program)
      return nil
    }
    return program
  }

  /// What the driver made of a program; nil where it does not tell.
  private func binary(of program: cl_program) -> [UInt8]? {
    let cl = queue.cl
    var length = 0
    guard
      cl.clGetProgramInfo(
        program, cl_program_info(CL_PROGRAM_BINARY_SIZES), MemoryLayout<Int>.size, &length, nil)
        == CL_SUCCESS, length > 0
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: length)
    let status = bytes.withUnsafeMutableBufferPointer { bytes in
      var start = bytes.baseAddress
      return cl.clGetProgramInfo(
        program, cl_program_info(CL_PROGRAM_BINARIES), MemoryLayout<UnsafeMutablePointer<UInt8>?>.size,
        &start, nil)
    }
    return status == CL_SUCCESS ? bytes : nil
  }

  /// The text of `file`.cl with its includes in place; nil where there is no such file.
  static func source(_ file: String) -> String? {
    guard let text = embedded[file] else { return nil }
    guard text.contains("#include") else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard line.hasPrefix("#include \""), line.hasSuffix(".cl\"") else { return String(line) }
      let name = String(line.dropFirst(10).dropLast(4))
      guard let included = source(name) else {
        preconditionFailure(
          "ProgramLibrary: \(file).cl includes \(name).cl, which is not in Sources/CAntKernels/kernels.c")
      }
      return included
    }.joined(separator: "\n")
  }

  private static let embedded: [String: String] = Dictionary(
    uniqueKeysWithValues: (0..<kernelSourceCount).map { index in
      let entry = kernelSource(index).pointee
      return (String(cString: entry.name), String(cString: entry.source))
    })

  private func log(of program: cl_program) -> String {
    let parameter = cl_program_build_info(CL_PROGRAM_BUILD_LOG)
    let device = queue.hardware.device
    var length = 0
    _ = queue.cl.clGetProgramBuildInfo(program, device, parameter, 0, nil, &length)
    var bytes = [UInt8](repeating: 0, count: max(length, 1))
    _ = bytes.withUnsafeMutableBytes {
      queue.cl.clGetProgramBuildInfo(program, device, parameter, length, $0.baseAddress, nil)
    }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
