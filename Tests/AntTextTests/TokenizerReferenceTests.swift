import Foundation
import Testing

@testable import AntText

/// Against Hugging Face's `tokenizers`; the fixture is made by tools/reference/tokenizers_ids.py.
@Suite struct TokenizerReferenceTests {
  struct Fixture: Decodable {
    struct Sample: Decodable {
      var text: String
      /// Without and with the tokens around the text, by file.
      var ids: [String: [[Int32]]]
    }

    var lines: [String]
    var merges: [[String]]
    var wordpieces: [String: Int32]
    var files: [String: String]
    var samples: [Sample]
  }

  private let fixture: Fixture

  init() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let url = root.appending(path: "tools/reference/tokenizers_ids.json")
    fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
  }

  @Test func idsAgree() throws {
    #expect(fixture.samples.count > 200 && fixture.files.count == 7)
    for (name, file) in fixture.files {
      let tokenizer = try Tokenizer(json: Data(file.utf8), file: name)
      for sample in fixture.samples {
        for (addingSpecials, ids) in zip([false, true], try #require(sample.ids[name])) {
          #expect(
            tokenizer.encode(sample.text, addingSpecials: addingSpecials) == ids,
            "\(name): \(sample.text.debugDescription)")
        }
      }
    }
  }

  @Test func learnsTheSameMerges() throws {
    let tokenizer = Tokenizer.train(
      on: WordCounts(lines: fixture.lines), TokenizerOptions(vocabularySize: 400))
    let merges = bytePairs(tokenizer).merges.merges.map { merge in
      [merge.left, merge.right].map { ByteAlphabet.string(tokenizer.bytes(of: $0)) }
    }
    #expect(merges == fixture.merges)
    for sample in fixture.samples { #expect(tokenizer.encode(sample.text) == sample.ids["plain"]?[0]) }
  }

  @Test func learnsTheSameWordPieces() throws {
    let options = TokenizerOptions(.wordpiece, vocabularySize: 400)
    let trained = Tokenizer.train(on: WordCounts(lines: fixture.lines, options.segmentation), options)
    let specials = Set(trained.added.map(\.id))
    let names = (0..<Int32(trained.vocabularySize)).map { id in
      specials.contains(id) ? trained.decode([id]) : ByteAlphabet.string(trained.bytes(of: id))
    }
    #expect(Dictionary(uniqueKeysWithValues: zip(names, 0...)) == fixture.wordpieces)
    // What it writes is what it is; only [MASK] takes the space before it along here.
    let read = try Tokenizer(json: Data(trained.json), file: "f")
    for sample in fixture.samples {
      let ids = trained.encode(sample.text, addingSpecials: true)
      #expect(read.encode(sample.text, addingSpecials: true) == ids)
      if !sample.text.contains("[MASK]") { #expect(ids == sample.ids["wordpiece"]?[1]) }
    }
    #expect(read.specials == trained.specials)
    #expect(read.specials == SpecialTokens(padding: 3, beginning: 1, end: 2, mask: 4, others: [0, 5, 6]))
  }

  @Test func fillsBlanksAsWords() throws {
    let wordpiece = try Tokenizer(json: Data(fixture.files["wordpiece"]!.utf8), file: "wordpiece")
    let ids = wordpiece.encode("the dog") + [4] + wordpiece.encode(" ball")
    #expect(try wordpiece.encodeBlanks("the dog [MASK] ball") == ids)
    #expect(wordpiece.encode("the dog [MASK] ball") != ids)
    #expect(wordpiece.decode(ids) == " the dog[MASK] ball")
    #expect(wordpiece.decodeText(ids) == "the dog[MASK] ball")
    #expect(try wordpiece.encodeBlanks("[MASK]  [MASK]") == [4, 4])
    // What follows a blank goes on with the text, as it does where training hides a word.
    let stop = wordpiece.encode("the dog.").last!
    #expect(try wordpiece.encodeBlanks("the [MASK].") == wordpiece.encode("the") + [4, stop])
  }
}
