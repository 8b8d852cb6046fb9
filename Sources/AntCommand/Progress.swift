import AntFiles
import Foundation

/// How far a job is: one line rewritten in place on a terminal, a plain line now and then otherwise.
///
/// Everything goes to standard error, so that standard output holds results alone.
final class Progress {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let clock = ContinuousClock()
  private let begin: ContinuousClock.Instant
  private var last: ContinuousClock.Instant?
  private var width = 0
  /// Between two lines where standard error is no terminal.
  private let interval: Duration

  init(plainEvery interval: Duration = .seconds(10)) {
    begin = clock.now
    self.interval = interval
  }

  /// - Parameters:
  ///   - text: what is being done, figures included.
  ///   - done: how much of `total` this call has done.
  func show(_ text: String, done: Int, of total: Int) {
    let now = clock.now
    // A clock that was set back is no reason to say nothing.
    if let last, done < total, last <= now,
      last.duration(to: now) < (isTerminal ? .milliseconds(100) : interval)
    {
      return
    }
    last = now
    let seconds = begin.duration(to: now) / .seconds(1)
    var line = text.printableOnOneLine
    // The first of many parts takes along what is done only once, such as compiling.
    if done > 0 && done < total && (500 * done >= total || seconds >= 5) {
      line += ", \(Self.clockText(seconds / Double(done) * Double(total - done))) left"
    }
    if isTerminal {
      // A line that wraps could not be rewritten.
      line = String(line.prefix(Self.terminalColumns - 1))
      let padding = String(repeating: " ", count: max(0, width - line.count))
      writeError("\r\(line)\(padding)")
      width = line.count
      if done >= total { end() }
    } else {
      warn(line)
    }
  }

  private static var terminalColumns: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// Ends a rewritten line, so that what follows begins on its own.
  func end() {
    if isTerminal && width > 0 { writeError("\n") }
    width = 0
  }

  /// `8 s`, `3:05` or `2:03:05`.
  static func clockText(_ seconds: Double) -> String {
    guard (0..<1e9).contains(seconds) else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    let minutes = whole / 60 % 60
    let tail = String(format: ":%02d", whole % 60)
    return whole < 3600 ? "\(minutes)\(tail)" : "\(whole / 3600)" + String(format: ":%02d", minutes) + tail
  }
}
