/// A failure of a device, or of finding one. Each description is one line: what, where, what to do.
public enum DeviceError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No device answers to the name that was asked for; the reasons are those why there are not more devices.
  case notFound(request: String, available: [String], reasons: [String])
  /// The device could not hold what was asked of it.
  case outOfMemory(device: String, requestedBytes: Int)
  /// Kernel source did not compile; the log is the compiler's.
  case buildFailed(device: String, program: String, log: String)
  /// A command failed; `call` names it and `code` is the driver's number.
  case commandFailed(device: String, call: String, code: Int)
  /// The driver keeps compiled kernels in a folder whose disk is full.
  case noRoomForKernels(device: String, folder: String)
  /// The device computes wrong results in its start-up check.
  case selfCheckFailed(device: String, operation: String)

  public var description: String {
    switch self {
    case .notFound(let request, let available, let reasons):
      "no device matches '\(request)'\(reasons.isEmpty ? "" : ": \(reasons.joined(separator: ", "))"); "
        + "available: \(available.joined(separator: ", "))"
    case .outOfMemory(let device, let bytes):
      "\(device): out of memory"
        + (bytes > 0 ? " asking for \(bytes / 1_048_576) MiB" : "") + "; make the sizes smaller"
    case .buildFailed(let device, let program, let log):
      "\(device): \(program).cl did not compile: \(Self.firstComplaint(in: log)); "
        + "report it with your driver's version, or use the built-in CPU"
    case .commandFailed(let device, let call, let code):
      "\(device): \(call) failed with \(code); its results are lost, try the built-in CPU"
    case .noRoomForKernels(let device, let folder):
      "\(device): no room for compiled kernels in \(folder); free some space or set POCL_CACHE_DIR"
    case .selfCheckFailed(let device, let operation):
      "\(device): wrong results in \(operation), so it is not used; the conformance suite shows more"
    }
  }

  /// The line of a compiler's log that says what is wrong; the log itself is in the error.
  private static func firstComplaint(in log: String) -> String {
    let lines = log.split(whereSeparator: \.isNewline)
    let line = lines.first { $0.contains("error") } ?? lines.first { !$0.allSatisfy(\.isWhitespace) }
    return line.map { $0.split(separator: " ").joined(separator: " ") } ?? "the compiler says nothing"
  }
}
