import AntFiles
import AntTestSupport
import Foundation
import Synchronization
import Testing

@testable import AntText

@Suite struct TokenCorpusTests {
  /// Lines that are values make the stream that a file of them does.
  @Test func linesAreAsInAFile() throws {
    let scratch = Scratch()
    let lines = ["the dog sees", "", "  ", " a cat ", "\u{3000}", "[MASK] the"]
    let path = try scratch.write(lines.joined(separator: "\n"), to: "lines")
    let tokenizer = try Tokenizer.train(on: [URL(filePath: path)], TokenizerOptions(vocabularySize: 280))
    let file = try TokenCorpus([path], tokenizer: tokenizer)
    let values = TokenCorpus(lines: lines, tokenizer: tokenizer)
    #expect(values.count == file.count && values.count > 20)
    #expect(values.tokens(0..<values.count) == file.tokens(0..<file.count))
  }

  /// What a text was called before byte order marks were none of it.
  @Test func formerChecksums() throws {
    let scratch = Scratch()
    let plain = try scratch.write("a dog\r\nruns\n", to: "plain")
    let marked = try scratch.write([0xEF, 0xBB, 0xBF] + "a dog\n".utf8, to: "marked")
    let former = try TokenCorpus.former([plain], tokenizer: tokenizer)
    #expect(former.isReadAlike)
    #expect(try former.checksum != TokenCorpus([plain], tokenizer: tokenizer).checksum)
    let other = try TokenCorpus.former([plain, marked], tokenizer: tokenizer)
    #expect(!other.isReadAlike && other.checksum != former.checksum)
  }

  private let tokenizer = TokenizerTests.trained

  private func all(_ corpus: TokenCorpus) -> [Int32] { corpus.tokens(0..<corpus.count) }

  /// Lines, each encoded by itself.
  private func naive(_ texts: [String]) -> [Int32] {
    texts.flatMap { text in
      text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).flatMap { line -> [Int32] in
        var bytes = Array(line)
        if bytes.last == 0x0D { bytes.removeLast() }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else { return [] }
        return [1] + tokenizer.encode(bytes, recognizingSpecials: false) + [2]
      }
    }
  }

  @Test func everyLineThatIsNotBlankIsMarked() throws {
    let scratch = Scratch()
    let first = "the dog\r\n\n \u{3000}\t\nab the [MASK]</s> \n  b"
    let second = "\n\nthe\n"
    let paths = [try scratch.write(first, to: "a"), try scratch.write(second, to: "b")]
    let corpus = try TokenCorpus(paths, tokenizer: tokenizer)
    #expect(all(corpus) == naive([first, second]))
    #expect(all(corpus).filter { $0 < 4 } == [1, 2, 1, 2, 1, 2, 1, 2])
    #expect(corpus.tokens(3..<3) == [])
    #expect(corpus.tokens(1..<4) == Array(all(corpus)[1..<4]))
  }

  @Test func endsOfTextsAndLines() throws {
    let scratch = Scratch()
    let lines = ["the dog", "a\rb\r", " c"]
    let text = "the dog\r\na\rb\r\r\n c"
    let mark = "\u{FEFF}"
    var streams: [[Int32]] = []
    for (name, text) in [("a", text), ("b", mark + text), ("c", mark + text + "\r\n"), ("d", text + "\r")] {
      let path = try scratch.write(text, to: name)
      #expect(try TextLines.every(path) == lines)
      streams.append(all(try TokenCorpus([path], tokenizer: tokenizer)))
      let files = try TextFiles([path])
      #expect(
        CorpusEncoder(tokenizer, threads: 2).encode(files, chunkLength: 1).count == 2 * streams[0].count)
    }
    #expect(streams.allSatisfy { $0 == naive([text]) })
    // One mark is none of the text, and only at its beginning.
    let twice = try scratch.write(mark + mark + "a\n" + mark, to: "e")
    #expect(try TextLines.every(twice) == [mark + "a", mark])
    #expect(all(try TokenCorpus([twice], tokenizer: tokenizer)) == naive([mark + "a\n" + mark]))
    let only = try scratch.write(mark + "\r\n", to: "f")
    #expect(try TextLines.every(only) == [""])
    #expect(throws: CorpusError.empty(paths: [only])) { try TokenCorpus([only], tokenizer: tokenizer) }
  }

  @Test func otherEncodingsAreCalledByName() throws {
    let scratch = Scratch()
    for (encoding, name) in [(String.Encoding.utf16, "UTF-16"), (.utf32, "UTF-32")] {
      let path = try scratch.write("the dog\n".data(using: encoding)!, to: name)
      #expect(throws: CorpusError.encoding(path: path, encoding: name)) { try TextFiles([path]) }
      #expect(throws: TextFileError.encoding(path: path, encoding: name)) { try TextLines.every(path) }
    }
  }

  @Test func partsAndThreadsChangeNothing() throws {
    let scratch = Scratch()
    var draws = TestDraws(12)
    for round in 0..<20 {
      let texts = (0..<2).map { _ in
        (0..<30).map { _ in draws.element(of: [" ", "\n", "\r\n", " \n", " the", "x", draws.text(8)]) }
          .joined()
      }
      let paths = try texts.enumerated().map { try scratch.write($1 + "ab", to: "\(round)-\($0)") }
      let files = try TextFiles(paths)
      let expected = naive(texts.map { $0 + "ab" }).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
      for (length, threads) in [(1 << 20, 1), (1, 1), (1, 2), (7, 3), (64, 2)] {
        #expect(CorpusEncoder(tokenizer, threads: threads).encode(files, chunkLength: length) == expected)
      }
    }
  }

  @Test func aFolderIsItsFilesInOrder() throws {
    let scratch = Scratch()
    for (name, text) in [("b", "two"), ("a", "one"), (".hidden", "no"), ("c", "three")] {
      _ = try scratch.write(text, to: name)
    }
    try FileManager.default.createDirectory(
      at: scratch.url.appending(path: "aa"), withIntermediateDirectories: true)
    let corpus = try TokenCorpus([scratch.url.path], tokenizer: tokenizer)
    #expect(all(corpus) == naive(["one", "two", "three"]))
  }

  @Test func theCacheIsUsedAndRenewed() throws {
    let scratch = Scratch()
    let cache = scratch.url.appending(path: "deep/cache")
    let path = try scratch.write("the dog\nthe cat", to: "a")
    func read(_ tokenizer: Tokenizer) throws -> TokenCorpus {
      try TokenCorpus([path], tokenizer: tokenizer, cacheDirectory: cache)
    }
    func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: cache.path) }
    let expected = naive(["the dog\nthe cat"])
    let first = try read(tokenizer)
    #expect(!first.wasCached && all(first) == expected)
    let second = try read(tokenizer)
    #expect(second.wasCached && all(second) == expected && second.checksum == first.checksum)

    // Damage of every kind is noticed, and the file made anew.
    let file = cache.appending(path: try files()[0])
    let whole = try Data(contentsOf: file)
    var damaged = [whole.dropLast(2), whole.dropLast(whole.count - 10), Data(), whole + [0, 0]]
    for place in [0, 8, 12, 16, 23, 24, 40, 56, 64, whole.count - 1] {
      var flipped = whole
      flipped[place] ^= 1
      damaged.append(flipped)
    }
    for data in damaged {
      try data.write(to: file)
      let corpus = try read(tokenizer)
      #expect(!corpus.wasCached && all(corpus) == expected)
      #expect(try Data(contentsOf: file) == whole)
    }

    // Another text or another tokenizer is another file.
    var draws = TestDraws(13)
    let other = Tokenizer.train(
      on: WordCounts(lines: [draws.text(300)]), TokenizerOptions(vocabularySize: 300))
    #expect(try !read(other).wasCached)
    #expect(try read(tokenizer).wasCached)
    _ = try scratch.write("the dog\nthe cow", to: "a")
    let changed = try read(tokenizer)
    #expect(!changed.wasCached && all(changed) == naive(["the dog\nthe cow"]))
    #expect(changed.checksum != first.checksum)
    #expect(try files().count == 3)
  }

  @Test func whatCannotBeWrittenIsNamed() throws {
    let scratch = Scratch()
    let path = try scratch.write("the dog", to: "a")
    let under = URL(filePath: path).appending(path: "cache")
    let said = Mutex<[String]>([])
    let counts = try Notices.$current.withValue(Notices { line in said.withLock { $0.append(line) } }) {
      try (0..<2).map { _ in try TokenCorpus([path], tokenizer: tokenizer, cacheDirectory: under).count }
    }
    let count = naive(["the dog"]).count
    #expect(counts == [count, count])
    #expect(said.withLock { $0.map { $0.contains("cannot create \(path): File exists") } } == [true])
    let nowhere = scratch.url.appending(path: "none/tokenizer.json")
    #expect(throws: FileError("write", nowhere.path, code: ENOENT)) { try tokenizer.write(to: nowhere) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == ["a"])
  }

  @Test func wideVocabulariesKeepTheirIDs() throws {
    let scratch = Scratch()
    var json = String(decoding: tokenizer.json, as: UTF8.self)
    json.replace("\"vocab\": {", with: "\"vocab\": {\"<wide>\": 70000,")
    let wide = try Tokenizer(json: Data(json.utf8), file: "f")
    #expect(wide.vocabularySize == 70001)
    let path = try scratch.write("the dog", to: "a")
    let corpus = try TokenCorpus([path], tokenizer: wide, cacheDirectory: scratch.url.appending(path: "c"))
    #expect(all(corpus) == naive(["the dog"]))
    #expect(CorpusEncoder.width(wide) == 4)
  }

  @Test func badFilesAreNamed() throws {
    let scratch = Scratch()
    func error(_ paths: [String]) -> CorpusError? {
      do {
        _ = try TokenCorpus(paths, tokenizer: tokenizer)
        return nil
      } catch { return error as? CorpusError }
    }
    let missing = scratch.url.appending(path: "none").path
    #expect(error([missing]) == .missing(path: missing))
    #expect(error([]) == .noFiles(path: ""))
    let empty = try scratch.write("", to: "empty")
    #expect(error([empty]) == .empty(paths: [empty]))
    let binary = try scratch.write("ab\ncdefghijklmnop\u{0}x", to: "binary")
    #expect(error([binary]) == .binary(path: binary, line: 2, offset: 17))
    let folder = scratch.url.appending(path: "folder")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    #expect(error([folder.path]) == .noFiles(path: folder.path))
    // Cut short, overlong, surrogate, too great, stray.
    let malformed: [[UInt8]] = [
      [0xE3, 0x81], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80],
      [0xFF], [0xF0, 0x80, 0x80, 0x80], [0xC3, 0x28],
    ]
    for bytes in malformed {
      let path = try scratch.write(Array("dög\n\nx".utf8) + bytes, to: "malformed")
      #expect(error([path]) == .invalidUTF8(path: path, line: 3, offset: 7))
    }
    for description in [
      "\(CorpusError.binary(path: "p", line: 2, offset: 17))", "\(CorpusError.empty(paths: ["p"]))",
    ] {
      #expect(!description.contains("\n"))
    }
  }

  /// Every byte string is judged as Swift's own decoder judges it.
  @Test func wellFormedIsWhatSwiftDecodes() {
    var draws = TestDraws(14)
    for _ in 0..<20_000 {
      let bytes = (0..<1 + draws.below(6)).map { _ in
        draws.element(
          of: [0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xA0, 0xED, 0x9F, 0xF0, 0x90, 0xF4, 0x8F] as [UInt8])
      }
      let accepted =
        (try? bytes.withUnsafeBufferPointer { try TextFiles.check($0, path: "") }) != nil
      #expect(accepted == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
    }
  }
}
