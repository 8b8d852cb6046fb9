import Foundation
import Synchronization

/// What a library has to say that is no error, such as a file it left out or a link the file system cannot make:
/// it goes on, but not in silence. Each line is said once.
///
/// Where nobody listens, notices go to standard error, control characters shown; that nobody reads it is no error:
///
///     try Notices.$current.withValue(Notices { print("notice: \($0)") }) { … }
public final class Notices: Sendable {
  /// Who listens in this task.
  @TaskLocal public static var current = Notices { line in
    try? Array("\(line.printableOnOneLine)\n".utf8).withUnsafeBytes {
      try FileSystem.write($0, to: STDERR_FILENO, path: "standard error")
    }
  }

  private let said = Mutex<Set<String>>([])
  private let listener: @Sendable (String) -> Void

  public init(_ listener: @escaping @Sendable (String) -> Void) { self.listener = listener }

  /// Tells the listener of ``current``.
  public static func say(_ line: String) { current.say(line) }

  private func say(_ line: String) {
    if said.withLock({ $0.insert(line).inserted }) { listener(line) }
  }
}
