import Foundation

/// Where a text begins and where its lines end, the same for everything that reads text:
///
/// - A byte order mark of UTF-8 before a text is none of it.
/// - A line ends before a line feed and at the end of the text; a carriage return just before that is of its end.
/// - Any other carriage return is white space inside its line.
public enum TextLayout {
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Where the text in `bytes` begins: 0, or behind the byte order mark.
  public static func start(of bytes: some Collection<UInt8>) -> Int {
    bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0
  }

  /// The encoding that the byte order mark of a text speaks of; nil where it is UTF-8 or there is none.
  public static func otherEncoding(of bytes: some Collection<UInt8>) -> String? {
    switch Array(bytes.prefix(4)) {
    case [0xFF, 0xFE, 0, 0], [0, 0, 0xFE, 0xFF]: return "UTF-32"
    case let first where first.starts(with: [0xFF, 0xFE]) || first.starts(with: [0xFE, 0xFF]): return "UTF-16"
    default: return nil
    }
  }

  /// The line that begins at `start`, or its part before `limit`.
  ///
  /// - Returns: where it ends, without its end; where the next one begins; whether its end was found.
  public static func line(
    in bytes: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int
  ) -> (end: Int, next: Int, isWhole: Bool) {
    guard start < limit, let base = bytes.baseAddress else { return (start, start, start == bytes.count) }
    let found = memchr(base + start, 0x0A, limit - start)
    let place = found.map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) - base } ?? limit
    let isWhole = found != nil || limit == bytes.count
    let hasReturn = isWhole && place > start && bytes[place - 1] == 0x0D
    return (hasReturn ? place - 1 : place, found == nil ? place : place + 1, isWhole)
  }

  /// Every line of a text, blank ones too. After the last line feed there is none.
  public static func lines(of data: Data) -> [[UInt8]] {
    data.withUnsafeBytes { raw in
      let bytes = raw.assumingMemoryBound(to: UInt8.self)
      var lines: [[UInt8]] = []
      var start = start(of: bytes)
      while start < bytes.count {
        let line = line(in: bytes, from: start, to: bytes.count)
        lines.append(Array(bytes[start..<line.end]))
        start = line.next
      }
      return lines
    }
  }
}
