import AntFiles
import Foundation

/// `metrics.jsonl`: a line a step (see ``StepMetrics``); step 0 where the run was evaluated first.
package final class MetricsLog {
  private let url: URL
  private let descriptor: Int32
  /// `secondsElapsed` of the last line kept; 0 in an empty log.
  let secondsElapsed: Double

  /// Opens the log and cuts it back to the lines of `step` and earlier. They reached the disk before the
  /// checkpoint of `step` did, so one that cannot be read is refused; only a last line without its end, which
  /// a kill leaves, is cut off.
  ///
  /// - Throws: ``RunError/damagedLine(path:line:reason:)`` or ``FileError``.
  init(_ url: URL, through step: Int) throws {
    self.url = url
    descriptor = try FileSystem.open(own: url, O_RDWR | O_CREAT)
    var kept = 0
    var seconds = 0.0
    let data = try FileSystem.read(own: url)
    var start = data.startIndex
    var lines = 0
    var reached = -1
    while reached < step, let end = data[start...].firstIndex(of: UInt8(ascii: "\n")) {
      lines += 1
      let line: StepMetrics
      do {
        line = try StepMetrics(data[start..<end], line: lines, of: url, after: reached)
      } catch {
        close(descriptor)
        throw error
      }
      guard line.step <= step else { break }
      reached = line.step
      seconds = line.secondsElapsed ?? seconds
      kept = end + 1 - data.startIndex
      start = end + 1
    }
    secondsElapsed = seconds
    guard ftruncate(descriptor, off_t(kept)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw FileError("write", url.path)
    }
  }

  deinit { close(descriptor) }

  func append(_ metrics: StepMetrics) throws {
    try Array("\(metrics.json)\n".utf8).withUnsafeBytes {
      try FileSystem.write($0, to: descriptor, path: url.path)
    }
  }

  /// Waits until every line is on the disk: before a checkpoint is, so that none is newer than its metrics.
  func synchronize() throws {
    try FileSystem.synchronize(descriptor, path: url.path)
  }
}
