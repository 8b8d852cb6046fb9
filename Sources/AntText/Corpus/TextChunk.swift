import AntFiles

/// A stretch of a file that can be cut into lines and pieces without looking at its neighbours.
///
/// Chunks end where a line or a piece begins (see ``GPT2Pattern/boundary(_:from:end:)``), so even one line
/// of a gigabyte is read in parts. Where they end depends on the text alone.
struct TextChunk: Sendable {
  /// A line, or what of it lies in a chunk.
  struct Line {
    /// Without the line break.
    var range: Range<Int>
    var isBeginning: Bool
    var isEnd: Bool
  }

  static let targetLength = 1 << 20

  var entry: TextFiles.Entry
  var range: Range<Int>

  static func chunks(of files: TextFiles, length: Int = targetLength) -> [TextChunk] {
    files.entries.flatMap { entry in
      let bytes = entry.file.units
      var chunks: [TextChunk] = []
      var start = entry.start
      while start < bytes.count {
        let end = GPT2Pattern.boundary(bytes, from: start + length, end: bytes.count)
        chunks.append(TextChunk(entry: entry, range: start..<end))
        start = end
      }
      return chunks
    }
  }

  /// Calls `body` with every line that is not blank.
  func forEachLine(_ body: (Line) -> Void) {
    let bytes = entry.file.units
    let beginning = entry.start
    var start = range.lowerBound
    while start < range.upperBound {
      let line = TextLayout.line(in: bytes, from: start, to: range.upperBound)
      let isBeginning = start == beginning || bytes[start - 1] == 0x0A
      // A chunk that ends or begins inside a line does so beside something visible.
      if !isBeginning || !line.isWhole || !isBlank(bytes, start..<line.end) {
        body(Line(range: start..<line.end, isBeginning: isBeginning, isEnd: line.isWhole))
      }
      start = line.next
    }
  }

  private func isBlank(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
    var position = range.lowerBound
    while position < range.upperBound {
      let character = UTF8Scan.character(bytes, at: position, end: range.upperBound)
      if character.class != .whitespace { return false }
      position += character.length
    }
    return true
  }
}
