import Foundation
import Testing

@testable import Text

/// Against Hugging Face's `tokenizers`; the fixture is made by tools/reference/tokenizers_ids.py.
@Suite struct TokenizerReferenceTests {
  struct Fixture: Decodable {
    struct Sample: Decodable {
      var text: String
      var plain: [Int32]
      var spaced: [Int32]
    }

    var lines: [String]
    var merges: [[String]]
    var plain: String
    var spaced: String
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
    let plain = try Tokenizer(json: Data(fixture.plain.utf8), file: "plain")
    let spaced = try Tokenizer(json: Data(fixture.spaced.utf8), file: "spaced")
    #expect(fixture.samples.count > 200)
    for sample in fixture.samples {
      #expect(plain.encode(sample.text) == sample.plain, "\(sample.text.debugDescription)")
      #expect(spaced.encode(sample.text) == sample.spaced, "\(sample.text.debugDescription)")
    }
  }

  @Test func learnsTheSameMerges() throws {
    let tokenizer = Tokenizer.train(
      on: WordCounts(lines: fixture.lines), vocabularySize: 400, minimumFrequency: 2)
    let merges = tokenizer.merges.merges.map { merge in
      [merge.left, merge.right].map { ByteAlphabet.string(tokenizer.bytes(of: $0)) }
    }
    #expect(merges == fixture.merges)
    for sample in fixture.samples { #expect(tokenizer.encode(sample.text) == sample.plain) }
  }
}
