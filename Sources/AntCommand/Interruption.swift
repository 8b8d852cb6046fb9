import Dispatch
import Foundation
import Synchronization

/// Ctrl-C, SIGTERM and SIGHUP as a wish to stop at the next good moment; a second one ends the process at once.
enum Interruption {
  private static let wish = Atomic<Bool>(false)
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

  static var isRequested: Bool {
    wish.load(ordering: .relaxed) || StandardOutput.failure?.code == EPIPE
  }

  /// Called once, from the main thread, before the work that is to be interrupted. Signals that whoever started the
  /// process had it ignore, as nohup does and shells do for what runs in the background, stay ignored.
  ///
  /// - Parameter message: what is said when the wish is heard.
  static func watch(_ message: String) {
    // A reader of standard output that goes away is a wish to stop, too, and not an end without a checkpoint.
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if wish.exchange(true, ordering: .relaxed) { _exit(128 + number) }
        warn("\n\(message)")
      }
      source.resume()
      sources.append(source)
    }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
  }
}
