import AntFiles
import Foundation

/// `tensorboard/events.out.tfevents.SECONDS.antlm`: what metrics.jsonl says, as TensorBoard reads it.
///
///     loss/CLM, loss/MLM, …    of the batch         dev/CLM, dev/MLM, …    of the development text
///     learning_rate, gradient_norm, tokens_per_second
///
/// metrics.jsonl is the truth and this file follows from it, record for line: it is written anew when a run is
/// taken up, after the log was cut back to the checkpoint, and then line by line. Its records are as long and
/// stand where they stood, so a TensorBoard that is looking on reads on. A kill leaves at most a last record
/// without its end, which TensorBoard passes over.
///
/// The time of a record is SECONDS, when the run began, plus the `secondsElapsed` of its line: time spent
/// training, pauses left out. Where no file tells SECONDS, it is the present less the time spent so far, and 0 for a
/// clock that stands before 1970.
final class EventFile {
  private static let prefix = "events.out.tfevents."
  private static let suffix = ".antlm"

  private let url: URL
  private let descriptor: Int32
  private let began: Int

  /// Makes the file of the lines that `metrics` holds.
  ///
  /// - Throws: ``FileError`` or ``RunError/damagedLine(path:line:reason:)``.
  init(in folder: URL, metrics: URL, now: Date = .now) throws {
    let lines = try StepMetrics.read(metrics)
    try FileSystem.makeFolder(folder)
    let earlier = try FileSystem.names(in: folder).compactMap(Self.seconds).first
    began = earlier ?? Int(max(0, now.timeIntervalSince1970 - (lines.last?.secondsElapsed ?? 0)))
    url = folder.appending(path: "\(Self.prefix)\(began)\(Self.suffix)")
    descriptor = try FileSystem.open(own: url, O_WRONLY | O_CREAT)
    var bytes = EventRecord.fileVersion(seconds: Double(began))
    for line in lines { bytes += record(of: line) }
    // Written over and then cut, so that whoever reads meanwhile finds whole records.
    try write(bytes)
    guard ftruncate(descriptor, off_t(bytes.count)) == 0 else { throw FileError("write", url.path) }
  }

  deinit { close(descriptor) }

  func append(_ line: StepMetrics) throws { try write(record(of: line)) }

  private func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try FileSystem.write($0, to: descriptor, path: url.path) }
  }

  private func record(of line: StepMetrics) -> [UInt8] {
    var values: [(tag: String, value: Float)] = []
    func add(_ tag: String, _ value: Float?) {
      if let value { values.append((tag, value)) }
    }
    if let objective = line.objective { add("loss/\(objective)", line.loss) }
    for (name, loss) in line.objectiveLosses.sorted(by: { $0.key < $1.key }) {
      add("loss/\(name)", Float(loss))
    }
    for (name, loss) in line.devLosses.sorted(by: { $0.key < $1.key }) { add("dev/\(name)", Float(loss)) }
    add("learning_rate", line.learningRate)
    add("gradient_norm", line.gradientNorm)
    add("tokens_per_second", line.tokensPerSecond.map { Float($0) })
    return EventRecord.scalars(values, step: line.step, seconds: Double(began) + (line.secondsElapsed ?? 0))
  }

  /// When the run of the file called `name` began; nil where it is none of ours.
  private static func seconds(_ name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    return Int(name.dropFirst(prefix.count).dropLast(suffix.count)).flatMap { $0 >= 0 ? $0 : nil }
  }
}
