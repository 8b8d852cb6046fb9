import AntFiles
import Foundation
import Synchronization

/// Standard output, and whether all of it arrived. A full disk or a closed descriptor does not end a job that
/// may have run for hours: the job goes on, and the command says so when it ends.
///
/// What a model or a file says is no command to a terminal: there, and only there, control characters are shown and not
/// sent (see `String.printable`).
enum StandardOutput {
  private struct State {
    var buffer: [UInt8] = []
    var failure: Int32?
  }

  private static let state = Mutex(State())
  private static let isTerminal = isatty(STDOUT_FILENO) == 1

  /// What the first write that failed failed with.
  static var failure: FileError? {
    state.withLock { $0.failure }.map { FileError("write", "standard output", code: $0) }
  }

  /// Adds bytes that may wait for the next ``flush()``.
  static func write(_ bytes: some Sequence<UInt8>) {
    state.withLock { state in
      if isTerminal {
        state.buffer.append(contentsOf: String(escapingInvalid: bytes).printable.utf8)
      } else {
        state.buffer.append(contentsOf: bytes)
      }
      if state.buffer.count >= 1 << 16 { empty(&state) }
    }
  }

  static func flush() { state.withLock { empty(&$0) } }

  private static func empty(_ state: inout State) {
    if let code = writeAll(state.buffer, to: STDOUT_FILENO), state.failure == nil { state.failure = code }
    state.buffer.removeAll(keepingCapacity: true)
  }
}

/// Takes the places of standard streams that are closed, so that no file the program opens gets the descriptor
/// of one and what is printed ends up in it. Each is opened the wrong way round: using it still fails.
func occupyStandardStreams() {
  for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
    // The lowest free descriptor is this one.
    _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
  }
}

/// Prints a line to standard output at once, also where that is a pipe that a program reads from.
func emit(_ line: some CustomStringConvertible) {
  StandardOutput.write("\(line)\n".utf8)
  StandardOutput.flush()
}

/// A line for people, on standard error, control characters in it shown.
func warn(_ line: String) { writeError("\(line.printable)\n") }

/// Text on standard error, as it is. Where nobody can read it, it is dropped.
func writeError(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }

/// Writes all of `bytes`; gives the system's number for what went wrong.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
  do {
    try bytes.withUnsafeBytes { try FileSystem.write($0, to: descriptor, path: "a stream") }
    return nil
  } catch {
    return (error as? FileError)?.code ?? EIO
  }
}
