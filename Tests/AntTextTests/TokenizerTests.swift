import AntFiles
import AntTestSupport
import Foundation
import Testing

@testable import AntText

@Suite struct TokenizerTests {
  static let trained: Tokenizer = {
    var draws = TestDraws(7)
    return Tokenizer.train(
      on: WordCounts(lines: (0..<400).map { _ in draws.text(20) }), TokenizerOptions(vocabularySize: 500))
  }()

  private var tokenizer: Tokenizer { Self.trained }

  /// Merges by walking through the whole list for every step.
  private func naiveEncode(_ word: [UInt8]) -> [Int32] {
    var symbols = word.map { bytePairs(tokenizer).byteIDs[Int($0)] }
    merging: while true {
      for merge in bytePairs(tokenizer).merges.merges {
        for place in symbols.indices.dropLast()
        where symbols[place] == merge.left && symbols[place + 1] == merge.right {
          symbols[place] = merge.merged
          symbols.remove(at: place + 1)
          continue merging
        }
      }
      return symbols
    }
  }

  @Test func mergesByRankFromTheLeft() {
    var draws = TestDraws(8)
    for length in [0, 1, 2, 3, 10, 47, 48, 49, 50, 120, 300] {
      let word = (0..<length).map { _ in draws.element(of: Array("abthe".utf8)) }
      var symbols = word.map { bytePairs(tokenizer).byteIDs[Int($0)] }
      bytePairs(tokenizer).merges.apply(to: &symbols)
      #expect(symbols == naiveEncode(word))
    }
    for _ in 0..<300 {
      let text = Array(draws.text(10).utf8)
      #expect(tokenizer.encode(text) == pieces(of: text).flatMap { naiveEncode($0) })
    }
  }

  @Test func decodesAnyBytesBack() {
    var draws = TestDraws(9)
    for count in [0, 1, 2, 3, 17, 64, 65, 1000, 100_000] {
      let bytes = draws.bytes(count)
      #expect(tokenizer.decodeBytes(tokenizer.encode(bytes)) == bytes)
    }
    let text = draws.text(200)
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
    #expect(tokenizer.vocabularySize == 500)
    #expect(Set(bytePairs(tokenizer).byteIDs).count == 256)
  }

  @Test func encodesAHugePieceQuickly() {
    // One piece without an end in sight: quadratic merging would take hours.
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 200_000)
    #expect(tokenizer.decodeBytes(tokenizer.encode(bytes)) == bytes)
  }

  @Test func findsSpecialsByName() {
    let ids = tokenizer.encode("The dog [MASK] it.")
    #expect(ids.filter { $0 < 4 } == [3])
    #expect(ids == tokenizer.encode("The dog") + [3] + tokenizer.encode(" it."))
    #expect(tokenizer.decode(ids) == "The dog[MASK] it.")
    #expect(tokenizer.decode(ids, skippingSpecials: true) == "The dog it.")
    #expect(tokenizer.encode("<s></s><pad>[MASK]") == [1, 2, 0, 3])
    #expect(tokenizer.encode(Array("[MASK]".utf8), recognizingSpecials: false).allSatisfy { $0 > 3 })
    #expect(tokenizer.decode([-1, 3, 10_000]) == "[MASK]")
  }

  @Test func readsBackWhatItWrites() throws {
    let scratch = Scratch()
    let url = scratch.url.appending(path: "tokenizer.json")
    try tokenizer.write(to: url)
    let read = try Tokenizer(contentsOf: url)
    #expect(read.json == tokenizer.json)
    #expect(read.specials == .standard)
    #expect(bytePairs(read).merges.merges == bytePairs(tokenizer).merges.merges)
    #expect(read.vocabularySize == tokenizer.vocabularySize)
    var draws = TestDraws(10)
    for _ in 0..<50 {
      let text = draws.text(20) + "[MASK]"
      #expect(read.encode(text) == tokenizer.encode(text))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == ["tokenizer.json"])
  }

  /// A vocabulary of the bytes, "ab", "abc" and "Ġab", with parts to be replaced.
  private func foreign(
    added: String = "{\"id\": 300, \"content\": \"<|endoftext|>\", \"special\": true}",
    preTokenizer: String = "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}",
    merges: String = "[\"a b\", [\"ab\", \"c\"], \"Ġ ab\"]", extra: String = "", top: String = ""
  ) -> Data {
    var names = ByteAlphabet.scalars.map { String(Character($0)) }
    names += ["ab", "abc", "Ġab"]
    let vocabulary = names.enumerated().map { place, name in
      let quoted = name == "\"" || name == "\\" ? "\\\(name)" : name
      return "\"\(quoted)\": \(place)"
    }.joined(separator: ", ")
    return Data(
      """
      {"added_tokens": [\(added)], "pre_tokenizer": \(preTokenizer), \(top)
       "decoder": {"type": "ByteLevel"},
       "model": {"type": "BPE", \(extra) "vocab": {\(vocabulary)}, "merges": \(merges)}}
      """.utf8)
  }

  @Test func readsOtherPeoplesTokenizers() throws {
    let gpt = try Tokenizer(json: foreign(), file: "f")
    #expect(gpt.encode("abc ab<|endoftext|>ab") == [257, 258, 259, 256])
    #expect(gpt.vocabularySize == 260)
    #expect(gpt.specials.beginning == 259)
    #expect(gpt.specials.end == 259)
    #expect(throws: TokenizerError.noMask) { try gpt.requireMask() }

    let spaced = try Tokenizer(
      json: foreign(
        added: """
          {"id": 259, "content": "<s>", "special": true}, {"id": 260, "content": "<pad>", "special": true},
          {"id": 261, "content": "</s>", "special": true}, {"id": 262, "content": "<extra>", "special": true},
          {"id": 263, "content": "<mask>", "lstrip": true, "special": true}
          """, preTokenizer: "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}"), file: "f")
    #expect(spaced.encode("ab \u{3000} <mask>ab") == [258, 263, 258])
    #expect(spaced.encode(" ab") == [258])
    #expect(spaced.encode("\tab") == " \t".utf8.map { Int32($0) } + [256])
    #expect(spaced.encode("") == [])
    #expect(
      spaced.specials == SpecialTokens(padding: 260, beginning: 259, end: 261, mask: 263, others: [262]))
    #expect(try spaced.requireMask() == 263)

    let whole = try Tokenizer(json: foreign(merges: "[]", extra: "\"ignore_merges\": true,"), file: "f")
    #expect(whole.encode("abc ab abab") == [257, 258] + " abab".utf8.map { Int32($0) })
  }

  /// As tokenizers 0.23.3 has them.
  @Test func addedTokensHaveTheIdsOfHuggingFace() throws {
    func token(_ id: Int, _ content: String, _ more: String = "") -> String {
      "{\"id\": \(id), \"content\": \"\(content)\"\(more)}"
    }
    func ids(_ added: [String], _ text: String, top: String = "") throws -> [Int32] {
      let tokens = [token(300, "</s>", ", \"special\": true")] + added
      return try Tokenizer(json: foreign(added: tokens.joined(separator: ","), top: top), file: "f").encode(
        text)
    }
    // A gap is none, whatever the file says; nor do ids follow the file's.
    #expect(try ids([token(400, "<q>")], "</s><q>") == [259, 260])
    #expect(try ids([token(262, "<b>"), token(261, "<a>")], "<a><b>") == [261, 260])
    #expect(try ids([token(9, "<a>"), token(9, "<b>")], "<a><b>") == [260, 261])
    // What the vocabulary has keeps its id there.
    #expect(try ids([token(280, "ab"), token(281, "<b>")], "ab<b>") == [256, 260])
    #expect(try ids([token(260, ""), token(261, "<b>")], "<b>") == [260])
    // Canonically equivalent names are two tokens.
    let composed = [
      token(260, "x\u{E9}", ", \"normalized\": false"), token(261, "xe\u{301}", ", \"normalized\": false"),
    ]
    #expect(try ids(composed, "x\u{E9}xe\u{301}") == [260, 261])
    // Where they are one in the tokenizer's form the first is found.
    let normalized = composed.map { $0.replacing("false", with: "true") }
    #expect(
      try ids(normalized, "x\u{E9}xe\u{301}", top: "\"normalizer\": {\"type\": \"NFC\"},") == [260, 260])
  }

  @Test func anAddedTokenDoesNotTakeAnothersId() throws {
    // The vocabulary leaves 258 out, so the next id by its count is taken.
    let text = String(decoding: foreign(), as: UTF8.self)
      .replacing("\"Ġab\": 258", with: "\"Ġab\": 259")
    #expect {
      try Tokenizer(json: Data(text.utf8), file: "f")
    } throws: { "\($0)".contains("259, which is another token's") }
  }

  @Test func namesOfTheVocabularyAreExact() throws {
    // U+212B is canonically equivalent to Å, the character of a byte.
    let text = String(decoding: foreign(), as: UTF8.self)
      .replacing("\"abc\": 257", with: "\"abc\": 257, \"\u{212B}\": 259, \"A\u{30A}\": 260")
    let tokenizer = try Tokenizer(json: Data(text.utf8), file: "f")
    #expect(bytePairs(tokenizer).byteIDs[0xC5] == 0xC5)
    #expect(tokenizer.decode([259]).utf8.elementsEqual("\u{212B}".utf8))
    #expect(tokenizer.decode([260]).utf8.elementsEqual("A\u{30A}".utf8))
  }

  @Test func marksDoNotHideWhatTheyStandOn() throws {
    #expect(try tokenizer.encodeBlanks("a [MASK]\u{301}.").contains(3))
    #expect(" \u{301}".isBlank == false && " \u{301}".withoutTrailingSpace == " \u{301}")
    #expect("a'\u{301}".replacingExactly("'", with: "?").utf8.elementsEqual("a?\u{301}".utf8))
    #expect(" \r\n a\u{200B}\r\n ".trimmed == "a\u{200B}")
  }

  @Test func refusesWhatItWouldGetWrong() throws {
    func error(_ data: Data) -> TokenizerError? {
      do {
        _ = try Tokenizer(json: data, file: "f")
        return nil
      } catch { return error as? TokenizerError }
    }
    let files: [Data] = [
      Data(), Data("[]".utf8), Data("{\"model\": 3}".utf8), Data("nonsense".utf8),
      Data("{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", -1.5]]}}".utf8),
      Data(repeating: UInt8(ascii: "["), count: 100_000),
      foreign(added: "{\"id\": -5, \"content\": \"</s>\"}"),
      foreign(added: "{\"id\": 99999999999, \"content\": \"</s>\"}"),
      foreign(added: ""), foreign(merges: "[\"a  b\"]"), foreign(merges: "[\"a x\"]"),
      foreign(merges: "[[\"a\"]]"), foreign(merges: "[7]"), foreign(preTokenizer: "null"),
      foreign(preTokenizer: "{\"type\": \"Metaspace\"}"),
      foreign(preTokenizer: "{\"type\": \"ByteLevel\", \"use_regex\": false}"),
      foreign(extra: "\"end_of_word_suffix\": \"</w>\","), foreign(extra: "\"dropout\": 0.1,"),
      foreign(top: "\"normalizer\": {\"type\": \"Lowercase\"},"),
      foreign(added: "{\"id\": 300, \"content\": \"</s>\"}, {\"id\": 301, \"content\": \"</s>\"}"),
      foreign(preTokenizer: "{\"type\": \"Digits\"}"),
      foreign(top: "\"post_processor\": {\"type\": \"Other\"},"),
      foreign(top: "\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"a\", 1]},"),
      foreign(top: "\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"a\"], \"cls\": 3},"),
      foreign(top: "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": []},"),
      foreign(
        top: """
          "post_processor": {"type": "BertProcessing", "sep": ["x", 5000], "cls": ["x", 1]},
          """),
    ]
    for data in files {
      let found = error(data)
      #expect(found != nil, "\(String(decoding: data.prefix(300), as: UTF8.self))")
      #expect(found?.description.contains("\n") == false)
    }
    #expect(error(foreign()) == nil)
    let missing = "/no/such/tokenizer.json"
    #expect(throws: FileError("read", missing, code: ENOENT)) {
      try Tokenizer(contentsOf: URL(filePath: missing))
    }
  }

  @Test func survivesDamagedFiles() {
    var draws = TestDraws(11)
    let whole = [UInt8](foreign())
    var refused = 0
    for _ in 0..<150 {
      var bytes = whole
      switch draws.below(3) {
      case 0: bytes.removeLast(1 + draws.below(bytes.count))
      case 1: bytes[draws.below(bytes.count)] = UInt8(draws.below(256))
      default: bytes.removeSubrange({ $0..<min($0 + 9, bytes.count) }(draws.below(bytes.count)))
      }
      do {
        let tokenizer = try Tokenizer(json: Data(bytes), file: "f")
        _ = tokenizer.decode(tokenizer.encode("abc ab\u{0}é"))
      } catch {
        refused += 1
        #expect(error is TokenizerError)
        #expect(!"\(error)".contains("\n"))
      }
    }
    #expect(refused > 75)
  }
}
