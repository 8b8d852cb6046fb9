import AntFiles
import Foundation
import Testing

@Suite struct JSONReaderTests {
  private struct Line: Decodable, Equatable {
    enum Kind: String, Decodable { case one }
    var label: Int
    var text: String?
    var value: Double?
    var kind: Kind?
    var list: [Float]?
    var names: [ExactText: Int]?
  }

  private func read(_ text: String) throws -> Line {
    try JSONReader().decode(Line.self, from: Data(text.utf8))
  }

  private func problem(_ text: String) -> String? {
    do {
      _ = try read(text)
      return nil
    } catch { return (error as? DecodingError)?.problem }
  }

  @Test func whatNobodyReadsHarmsNothing() throws {
    let line = try read(
      "{\"score\": NaN, \"more\": [Infinity, -Infinity, {\"a\": null}], \"label\": 2, \"text\": null, \"x\": 1e999}"
    )
    #expect(line == Line(label: 2))
  }

  @Test func readsWhatJSONSays() throws {
    let line = try read(
      "\u{FEFF} {\"label\":1e1,\"text\":\"a\\n\\u00e9\\ud83d\\ude00\\/\\\"é\",\"value\":-0.5e-3,\"kind\":\"one\",\"list\":[1,2.5]}\r\n"
    )
    #expect(line == Line(label: 10, text: "a\n\u{E9}😀/\"é", value: -0.0005, kind: .one, list: [1, 2.5]))
    // Of two members of one name the last counts; names that are only equivalent are two.
    #expect(try read("{\"label\":1,\"label\":2}").label == 2)
    let names = try read("{\"label\":1,\"names\":{\"\u{E9}\":1,\"e\u{301}\":2,\"\u{E9}\":3}}").names
    #expect(names == [ExactText("\u{E9}"): 3, ExactText("e\u{301}"): 2])
    let many = (0..<40).map { "\"\($0)\":\($0)" }.joined(separator: ",")
    #expect(try read("{\"label\":1,\"names\":{\(many)}}").names?.count == 40)
    #expect(try JSONReader().decode([UInt64].self, from: Data("[18446744073709551615]".utf8)) == [.max])
    #expect(
      try JSONReader(infinity: "inf").decode([Double].self, from: Data("[\"-inf\"]".utf8)) == [-.infinity])
  }

  @Test(arguments: [
    ("{}", "no \"label\""),
    ("{\"label\": NaN}", "\"label\" is NaN, not a whole number"),
    ("{\"label\": 1.5}", "\"label\" is 1.5, not a whole number"),
    ("{\"label\": null}", "\"label\" is null, not a whole number"),
    ("{\"label\": \"1\"}", "\"label\" is \"1\", not a whole number"),
    ("{\"label\": 1, \"text\": 7}", "\"text\" is 7, not a text"),
    ("{\"label\": 1, \"text\": {}}", "\"text\" is an object, not a text"),
    ("{\"label\": 1, \"value\": Infinity}", "\"value\" is Infinity, not a number"),
    ("{\"label\": 1, \"value\": true}", "\"value\" is true, not a number"),
    ("{\"label\": 1, \"kind\": \"two\"}", "\"kind\" is \"two\", which it cannot be"),
    ("{\"label\": 1, \"list\": [1, []]}", "\"list.1\" is a list, not a number"),
    ("[1]", "it is a list, not an object"),
    ("", "no JSON: nothing where a value belongs at byte 0"),
    ("{\"label\": 1} x", "no JSON: more after its end at byte 13"),
    ("{\"label\": 01}", "no JSON: '01', which is no value at byte 10"),
    ("{\"label\": nan}", "no JSON: 'nan', which is no value at byte 10"),
    ("{\"label\": 1,}", "no JSON: no '\"' at byte 12"),
    ("{\"a\": \"b", "no JSON: a text without its end at byte 6"),
    ("{\"a\": \"\t\"}", "no JSON: a control character in a text at byte 7"),
  ])
  func whatIsWrongIsNamed(text: String, expected: String) {
    #expect(problem(text) == expected)
  }

  /// Half a surrogate pair is no character, and no reason not to read the rest.
  @Test func halvesOfPairsAreReplaced() throws {
    let text = #"{"a": "x\ud83d", "b": "\ud83d\u0041\ude00", "c": "\ud83d\ude00", "d": "\ud83d\ud83d\ude00"}"#
    let read = try JSONReader().decode([String: String].self, from: Data(text.utf8))
    #expect(read == ["a": "x\u{FFFD}", "b": "\u{FFFD}A\u{FFFD}", "c": "\u{1F600}", "d": "\u{FFFD}\u{1F600}"])
  }

  @Test func depthHasABound() {
    #expect(problem(String(repeating: "[", count: 100_000))?.contains("512 levels") == true)
  }
}
