import AntFiles
import AntText
import Foundation

/// Two texts that say the same line by line, such as a text and its translation.
public struct ParallelText: Sendable {
  public struct Pair: Sendable, Equatable {
    public var source: String
    public var target: String
  }

  /// The files, for messages.
  public let files: (source: String, target: String)
  /// In the order of the lines: pair i is of line i + 1.
  public private(set) var pairs: [Pair]

  /// - Parameter allowingBlankSources: for texts that a model wrote, which may have nothing to say.
  /// - Throws: ``TextFileError`` for a file that is empty, binary or not UTF-8, for one with more lines than the
  ///   other, and for a blank line; `FileError` for one that is missing.
  public init(source: String, target: String, allowingBlankSources: Bool = false) throws {
    let sources = try TextLines.every(source)
    let targets = try TextLines.every(target)
    for (path, lines, isStrict) in [(source, sources, !allowingBlankSources), (target, targets, true)] {
      guard !lines.isEmpty else { throw TextFileError.empty(path: path) }
      if isStrict, let index = lines.firstIndex(where: { $0.isBlank }) {
        throw TextFileError.line(
          path: path, line: index + 1, expected: "blank; give each line a text, or take it out of both files")
      }
    }
    guard sources.count == targets.count else {
      throw TextFileError.lineCounts(
        path: source, lines: sources.count, other: target, otherLines: targets.count)
    }
    files = (source, target)
    pairs = zip(sources, targets).map { Pair(source: $0, target: $1) }
  }

  /// Leaves out all but the first pairs.
  public mutating func limit(_ count: Int) {
    pairs.removeLast(max(0, pairs.count - count))
  }
}
