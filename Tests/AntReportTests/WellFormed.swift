import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// A strict reader's view of a page or a drawing: every element, attribute and text, or why it is not well-formed.
final class WellFormed: NSObject, XMLParserDelegate {
  private(set) var elements: [(name: String, attributes: [String: String])] = []
  private(set) var text = ""
  private(set) var problem: String?

  init(_ markup: String) {
    super.init()
    let parser = XMLParser(data: Data(markup.utf8))
    parser.delegate = self
    if !parser.parse() {
      problem = "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "?")"
    }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements.append((name, attributes))
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  func count(_ name: String) -> Int { elements.count { $0.name == name } }

  /// The values of an attribute, wherever it stands.
  func values(_ attribute: String) -> [String] { elements.compactMap { $0.attributes[attribute] } }

  /// Every number in the drawing's paths and places.
  var coordinates: [Double] {
    ["d", "points", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height"].flatMap { name in
      values(name).flatMap {
        $0.split(whereSeparator: { "ML ,%".contains($0) }).map { Double($0) ?? .nan }
      }
    }
  }
}
