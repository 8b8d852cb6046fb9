import Foundation
import Testing

/// Translating, and scoring translations, by the command line.
@Suite struct TranslationLineTests {
  private func expectRefusal(
    _ result: Terminal.Result, code: Int32 = 1, _ parts: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(!result.wasKilled && result.code == code, "\(result.errors)", sourceLocation: sourceLocation)
    #expect(result.message.hasPrefix("antlm: "), "\(result.errors)", sourceLocation: sourceLocation)
    #expect(!result.message.contains("\n"), "\(result.errors)", sourceLocation: sourceLocation)
    for part in parts {
      #expect(result.message.contains(part), "\(result.errors)", sourceLocation: sourceLocation)
    }
  }

  private func score(_ terminal: Terminal, _ hypotheses: String, _ references: String, _ more: String...)
    throws -> Terminal.Result
  {
    try terminal.antlm(
      ["eval", "translation", "--hypotheses", hypotheses, "--references", references] + more)
  }

  /// a b x d e against a b c d e, see TranslationScoreTests; and a line left blank, which counts.
  @Test func scoresFiles() throws {
    let terminal = Terminal()
    try terminal.write(Data("a b x d e\n\n".utf8), to: "out")
    try terminal.write(Data("a b c d e\nf\n".utf8), to: "reference")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(score(terminal, "out", "reference", "--json").output.utf8))
        as? [String: Any])
    let expected = 100 * pow(0.8 * 0.5 / 6 / 8, 0.25) * exp(1 - 6.0 / 5)
    #expect(abs(try #require(object["bleu"] as? Double) - expected) < 1e-9)
    #expect(object["sentences"] as? Int == 2)
    let line = try score(terminal, "out", "reference").output
    #expect(
      line.hasPrefix("BLEU \(String(format: "%.2f", expected)) (80.0/50.0/0.0/0.0, brevity 0.819)  chrF "))
  }

  @Test func refusesFilesThatDoNotCorrespond() throws {
    let terminal = Terminal()
    let files: [String: Data] = [
      "two": Data("a\nb\n".utf8), "three": Data("a\nb\nc".utf8), "blank": Data("a\n \n".utf8),
      "empty": Data(),
      "latin1": Data([97, 10, 233, 10]), "binary": Data([97, 0, 10]),
    ]
    for (name, data) in files { try terminal.write(data, to: name) }
    expectRefusal(try score(terminal, "two", "three"), "two has 2 lines and three 3")
    expectRefusal(try score(terminal, "two", "blank"), "blank, line 2")
    expectRefusal(try score(terminal, "latin1", "two"), "latin1, line 2", "UTF-8")
    for name in ["empty", "binary", "missing"] { expectRefusal(try score(terminal, name, "two"), name) }
    #expect(try score(terminal, "blank", "two").code == 0)
  }
}
