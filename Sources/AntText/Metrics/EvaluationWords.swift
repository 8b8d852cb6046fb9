/// The words of a text as machine translation is scored by: those of NIST's mteval-v13a, which sacrebleu calls `13a`.
///
/// - Of the entities `&quot;`, `&amp;`, `&lt;`, `&gt;` the characters are taken, in this order.
/// - ASCII punctuation is a word of its own, but for `'`, `-`, `.` and `,`.
/// - A period or comma is one too, unless digits stand on both sides; a hyphen is where a digit stands before it.
/// - White space separates words.
///
/// Everything is compared by Unicode scalars, so that a letter and the same letter composed differ.
public enum EvaluationWords {
  typealias Scalar = Unicode.Scalar

  /// The words of `text`, in order.
  public static func split(_ text: String) -> [String] {
    words(of: text).map { word in
      var string = String.UnicodeScalarView()
      string.append(contentsOf: word)
      return String(string)
    }
  }

  static func words(of text: String) -> [[Scalar]] {
    var line = Array(text.unicodeScalars)
    while let last = line.last, last.separatesWords { line.removeLast() }
    line = line.replacing("<skipped>", by: "").replacing("-\n", by: "").replacing("\n", by: " ")
    for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
      line = line.replacing(entity, by: character)
    }
    line = [" "] + line + [" "]
    line = line.flatMap { $0.isPunctuation ? [" ", $0, " "] : [$0] }
    line = line.replacingPairs { $1.isPoint && !$0.isDigit ? [$0, " ", $1, " "] : nil }
    line = line.replacingPairs { $0.isPoint && !$1.isDigit ? [" ", $0, " ", $1] : nil }
    line = line.replacingPairs { $0.isDigit && $1 == "-" ? [$0, " ", $1, " "] : nil }
    return line.split(whereSeparator: \.separatesWords).map(Array.init)
  }
}

extension Unicode.Scalar {
  /// White space and the four information separators.
  var separatesWords: Bool { properties.isWhitespace || (0x1c...0x1f).contains(value) }

  fileprivate var isDigit: Bool { ("0"..."9").contains(self) }

  fileprivate var isPoint: Bool { self == "." || self == "," }

  /// Of ASCII, all that is neither letter, digit, control character nor one of `' , - .`
  fileprivate var isPunctuation: Bool {
    switch self {
    case " "..."&", "("..."+", "/", ":"..."@", "["..."`", "{"..."~": true
    default: false
    }
  }
}

extension [Unicode.Scalar] {
  /// Every occurrence of `old`, from the left, becomes `new`.
  fileprivate func replacing(_ old: String, by new: String) -> Self {
    let (old, new) = (Array(old.unicodeScalars), Array(new.unicodeScalars))
    guard contains(old[0]) else { return self }
    var result: Self = []
    var place = 0
    while place < count {
      if self[place] == old[0], self[place...].starts(with: old) {
        result += new
        place += old.count
      } else {
        result.append(self[place])
        place += 1
      }
    }
    return result
  }

  /// Neighbours for which `change` gives something become that; the search goes on behind both.
  fileprivate func replacingPairs(_ change: (Element, Element) -> Self?) -> Self {
    var result: Self = []
    result.reserveCapacity(count)
    var place = 0
    while place < count {
      if place + 1 < count, let changed = change(self[place], self[place + 1]) {
        result += changed
        place += 2
      } else {
        result.append(self[place])
        place += 1
      }
    }
    return result
  }
}
