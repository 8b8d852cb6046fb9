import CAntOpenCL
import Foundation

/// libOpenCL, opened once a process. A machine without it has no OpenCL devices, which is not an error.
final class OpenCLLibrary: @unchecked Sendable {
  // Unchecked: the function table is written once, before anybody else can see it.
  let functions: OpenCLFunctions

  /// Why there is no OpenCL.
  struct Missing: Error, CustomStringConvertible {
    let reason: String
    var description: String { "no OpenCL: \(reason); install ocl-icd-libopencl1 and a driver to use it" }
  }

  /// The library, or why there is none. The environment variable `ANTLM_OPENCL_LIBRARY` names another file.
  static let shared: Result<OpenCLLibrary, Missing> = {
    let path = ProcessInfo.processInfo.environment["ANTLM_OPENCL_LIBRARY"] ?? "libOpenCL.so.1"
    do throws(Missing) {
      return .success(try OpenCLLibrary(path: path))
    } catch {
      return .failure(error)
    }
  }()

  init(path: String) throws(Missing) {
    var functions = OpenCLFunctions()
    var reason = [CChar](repeating: 0, count: 512)
    guard opencl_open(path, &functions, &reason, reason.count) else {
      throw Missing(reason: reason.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
    }
    self.functions = functions
  }
}
