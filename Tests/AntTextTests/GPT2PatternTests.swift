import Testing

@testable import AntText

@Suite struct GPT2PatternTests {
  /// The pattern, alternative by alternative, over characters.
  private func oracle(_ text: String) -> [String] {
    let all = Array(text.unicodeScalars)
    func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
    func isLetter(_ scalar: Unicode.Scalar) -> Bool {
      [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter]
        .contains(scalar.properties.generalCategory)
    }
    func isNumber(_ scalar: Unicode.Scalar) -> Bool {
      [.decimalNumber, .letterNumber, .otherNumber].contains(scalar.properties.generalCategory)
    }
    func isOther(_ scalar: Unicode.Scalar) -> Bool {
      !isSpace(scalar) && !isLetter(scalar) && !isNumber(scalar)
    }
    func run(_ start: Int, _ matches: (Unicode.Scalar) -> Bool) -> Int {
      all[start...].prefix(while: matches).count
    }
    func length(at start: Int) -> Int {
      for contraction in ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"] {
        let scalars = Array(contraction.unicodeScalars)
        if all[start...].starts(with: scalars) { return scalars.count }
      }
      for matches in [isLetter, isNumber, isOther] {
        let space = all[start] == " " ? 1 : 0
        let count = run(start + space, matches)
        if count > 0 { return space + count }
      }
      let spaces = run(start, isSpace)
      // \s+(?!\S) gives back one space where something visible follows; \s+ takes what is left.
      return start + spaces == all.count || spaces == 1 ? spaces : spaces - 1
    }
    var pieces: [String] = []
    var start = 0
    while start < all.count {
      let count = length(at: start)
      pieces.append(String(String.UnicodeScalarView(all[start..<start + count])))
      start += count
    }
    return pieces
  }

  @Test func cutsAsThePatternDoes() {
    var draws = TestDraws(1)
    for _ in 0..<3000 {
      let text = draws.text(draws.below(12))
      #expect(pieces(of: Array(text.utf8)) == oracle(text).map { Array($0.utf8) }, "\(text.debugDescription)")
    }
  }

  @Test func cutsAKnownLine() {
    let found = pieces(of: Array("I've  two dogs' balls, 12kg!\n\n they'll".utf8)).map {
      String(decoding: $0, as: UTF8.self)
    }
    #expect(
      found == [
        "I", "'ve", " ", " two", " dogs", "'", " balls", ",", " 12", "kg", "!", "\n\n", " they", "'ll",
      ])
  }

  @Test func everyByteIsInOnePiece() {
    var draws = TestDraws(2)
    for _ in 0..<500 {
      let bytes = draws.bytes(draws.below(40))
      #expect(Array(pieces(of: bytes).joined()) == bytes)
    }
  }

  /// Cutting at a boundary first changes no piece.
  @Test func boundariesAreWherePiecesBegin() {
    var draws = TestDraws(3)
    for _ in 0..<1000 {
      let bytes = Array((draws.text(20) + " word" + draws.text(20)).utf8)
      let cut = bytes.withUnsafeBufferPointer {
        GPT2Pattern.boundary($0, from: bytes.count / 3, end: bytes.count)
      }
      #expect(pieces(of: Array(bytes[..<cut])) + pieces(of: Array(bytes[cut...])) == pieces(of: bytes))
    }
  }
}
