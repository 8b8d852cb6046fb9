import COpenCL
import Device
import Kernels

/// Kernels, built when first used: one program per source file and options, one kernel object per name.
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
  private var programs: [Key: cl_program] = [:]
  private var kernels: [Key: cl_kernel] = [:]

  init(_ queue: CommandQueue) { self.queue = queue }

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
      preconditionFailure("ProgramLibrary: \(file).cl is not listed in Kernels/kernels.c")
    }
    let cl = queue.cl
    var status: cl_int = 0
    let program = source.withCString { text in
      var text: UnsafePointer<CChar>? = text
      return cl.clCreateProgramWithSource(queue.context, 1, &text, nil, &status)
    }
    guard queue.succeeded(status, "clCreateProgramWithSource \(file).cl"), let program else { return nil }
    var device: cl_device_id? = queue.hardware.device
    status = cl.clBuildProgram(program, 1, &device, "-cl-std=CL1.2 \(options)", nil, nil)
    guard status == CL_SUCCESS else {
      queue.fail(.buildFailed(device: queue.hardware.info.name, program: file, log: log(of: program)))
      _ = cl.clReleaseProgram(program)
      return nil
    }
    programs[key] = program
    return program
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
          "ProgramLibrary: \(file).cl includes \(name).cl, which is not in Kernels/kernels.c")
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
