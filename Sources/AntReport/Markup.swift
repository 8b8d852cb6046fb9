/// A piece of HTML or SVG, written so that it is well-formed XML too.
///
/// Text gets in through ``text(_:)`` and attributes alone, and both escape it: whatever stands in a path, a
/// schedule or a sample is shown and never becomes part of the page's structure.
struct Markup: Sendable, CustomStringConvertible {
  let description: String

  /// What was written as markup; never for text that came from outside.
  init(verbatim description: String) { self.description = description }

  static let nothing = Markup(verbatim: "")

  static func text(_ text: String) -> Markup { Markup(verbatim: escaped(text)) }

  static func element(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String>, _ contents: [Markup]
  ) -> Markup {
    Markup(
      verbatim: opening(name, attributes) + ">" + contents.map(\.description).joined() + "</\(name)>")
  }

  static func element(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String>, _ contents: Markup...
  ) -> Markup {
    element(name, attributes, contents)
  }

  static func element(_ name: StaticString, _ contents: [Markup]) -> Markup { element(name, [:], contents) }

  static func element(_ name: StaticString, _ contents: Markup...) -> Markup { element(name, [:], contents) }

  static func element(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:], text: String
  ) -> Markup {
    element(name, attributes, [.text(text)])
  }

  /// An element that can have no contents, such as `<br/>`.
  static func void(_ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:]) -> Markup {
    Markup(verbatim: opening(name, attributes) + "/>")
  }

  private static func opening(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String>
  ) -> String {
    "<\(name)" + attributes.map { " \($0)=\"\(escaped($1))\"" }.joined()
  }

  /// `text` for contents and for quoted attributes. What XML cannot hold becomes U+FFFD.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
      case _
      where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value & 0xfffe == 0xfffe:
        result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A length or a place in a drawing, to a tenth of a unit.
  static func number(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return "\(value)" }
    let tenths = Int((value * 10).rounded())
    let sign = tenths < 0 ? "-" : ""
    let rest = abs(tenths) % 10
    return sign + "\(abs(tenths) / 10)" + (rest == 0 ? "" : ".\(rest)")
  }
}
