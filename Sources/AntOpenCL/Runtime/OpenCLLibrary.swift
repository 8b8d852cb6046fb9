import CAntOpenCL
import Foundation

/// libOpenCL, opened once a process. A machine without it has no OpenCL devices, which is not an error.
final class OpenCLLibrary: @unchecked Sendable {
  // Unchecked: the function table is written once, before anybody else can see it.
  let functions: OpenCLFunctions

  /// Why there is no OpenCL.
  struct Missing: Error, CustomStringConvertible {
    var reason: String
    var advice = "install ocl-icd-libopencl1 and a driver to use it"
    var description: String { "no OpenCL: \(reason); \(advice)" }
  }

  /// Names another file than the system's.
  private static let variable = "ANTLM_OPENCL_LIBRARY"

  /// The library, or why there is none.
  static let shared = named(ProcessInfo.processInfo.environment[variable])

  /// - Parameter path: what the environment variable says.
  static func named(_ path: String?) -> Result<OpenCLLibrary, Missing> {
    do throws(Missing) {
      return .success(try OpenCLLibrary(path: path ?? "libOpenCL.so.1"))
    } catch {
      guard let path else { return .failure(error) }
      return .failure(
        Missing(
          reason: "\(variable) is '\(path)': \(error.reason)", advice: "name a libOpenCL there, or unset it"))
    }
  }

  init(path: String) throws(Missing) {
    var functions = OpenCLFunctions()
    var reason = [CChar](repeating: 0, count: 512)
    guard opencl_open(path, &functions, &reason, reason.count) else {
      throw Missing(reason: reason.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
    }
    self.functions = functions
  }
}
