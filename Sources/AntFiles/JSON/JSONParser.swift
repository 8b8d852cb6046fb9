/// Reads one JSON text (RFC 8259) in UTF-8. A byte order mark before it is none of it.
struct JSONParser {
  /// Lists and objects inside each other at most: each takes a piece of the stack.
  static let greatestDepth = 512

  private let bytes: UnsafeBufferPointer<UInt8>
  private var place = 0
  private var depth = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    place = TextLayout.start(of: bytes)
  }

  /// The value, and nothing after it.
  mutating func parse() throws -> JSON {
    let value = try value()
    skipSpace()
    guard place == bytes.count else { throw error("more after its end") }
    return value
  }

  private func error(_ problem: String, at offset: Int? = nil) -> JSONSyntaxError {
    JSONSyntaxError(problem: problem, offset: offset ?? place)
  }

  private mutating func skipSpace() {
    while place < bytes.count {
      switch bytes[place] {
      case 0x20, 0x09, 0x0A, 0x0D: place += 1
      default: return
      }
    }
  }

  /// Takes `character` where it comes next.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard take(character) else { throw error("no '\(character)'") }
  }

  private mutating func value() throws -> JSON {
    skipSpace()
    guard place < bytes.count else { throw error("nothing where a value belongs") }
    switch bytes[place] {
    case UInt8(ascii: "{"): return .object(try nested { try $0.members() })
    case UInt8(ascii: "["): return .array(try nested { try $0.elements() })
    case UInt8(ascii: "\""): return .string(try string())
    default: return try word()
    }
  }

  private mutating func nested<Value>(_ read: (inout Self) throws -> Value) throws -> Value {
    depth += 1
    guard depth <= Self.greatestDepth else { throw error("more than \(Self.greatestDepth) levels") }
    defer { depth -= 1 }
    return try read(&self)
  }

  private mutating func members() throws -> JSON.Members {
    try expect("{")
    var list: [(name: String, value: JSON)] = []
    if take("}") { return JSON.Members(list: list) }
    repeat {
      skipSpace()
      let name = try string()
      try expect(":")
      list.append((name, try value()))
    } while take(",")
    try expect("}")
    return JSON.Members(list: list)
  }

  private mutating func elements() throws -> [JSON] {
    try expect("[")
    var list: [JSON] = []
    if take("]") { return list }
    repeat { list.append(try value()) } while take(",")
    try expect("]")
    return list
  }

  /// A number, or one of the words that are values.
  private mutating func word() throws -> JSON {
    let start = place
    while place < bytes.count, Self.isOfWord(bytes[place]) { place += 1 }
    let word = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<place]), as: UTF8.self)
    switch word {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "NaN", "Infinity", "-Infinity": return .nonFinite(word)
    case _ where Self.isNumber(word.utf8): return .number(word)
    default: throw error(word.isEmpty ? "no value" : "'\(word.prefix(20))', which is no value", at: start)
    }
  }

  private static func isOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// -? (0 | 1-9 digits) (. digits)? ((e | E) (+ | -)? digits)?
  private static func isNumber(_ word: String.UTF8View) -> Bool {
    var rest = word[...]
    func digits(_ rest: inout Substring.UTF8View) -> Int {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      rest = rest.dropFirst(digits.count)
      return digits.count
    }
    if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    let beginsWithZero = rest.first == UInt8(ascii: "0")
    let whole = digits(&rest)
    if whole == 0 || beginsWithZero && whole > 1 { return false }
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      if digits(&rest) == 0 { return false }
    }
    if let first = rest.first, first | 0x20 == UInt8(ascii: "e") {
      rest.removeFirst()
      if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { rest.removeFirst() }
      if digits(&rest) == 0 { return false }
    }
    return rest.isEmpty
  }

  private mutating func string() throws -> String {
    guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { throw error("no '\"'") }
    place += 1
    let start = place
    var text = ""
    while true {
      let part = place
      while place < bytes.count, bytes[place] >= 0x20, bytes[place] != UInt8(ascii: "\""),
        bytes[place] != UInt8(ascii: "\\")
      {
        place += 1
      }
      if place > part { text += try decoded(part..<place) }
      guard place < bytes.count else { throw error("a text without its end", at: start - 1) }
      switch bytes[place] {
      case UInt8(ascii: "\""):
        place += 1
        return text
      case UInt8(ascii: "\\"): text.unicodeScalars.append(try escaped())
      default: throw error("a control character in a text")
      }
    }
  }

  private func decoded(_ range: Range<Int>) throws -> String {
    let part = UnsafeBufferPointer(rebasing: bytes[range])
    guard let text = String(validating: part, as: UTF8.self) else {
      throw error("a text that is not UTF-8", at: range.lowerBound)
    }
    return text
  }

  /// The character that a backslash and what follows it stand for.
  private mutating func escaped() throws -> Unicode.Scalar {
    let start = place
    guard place + 1 < bytes.count else { throw error("a text without its end") }
    place += 2
    switch bytes[place - 1] {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw error("a backslash before what it cannot stand before", at: start)
    }
    var value = try hexadecimal()
    if UTF16.isLeadSurrogate(UInt16(value)), place + 6 <= bytes.count, bytes[place] == UInt8(ascii: "\\"),
      bytes[place + 1] == UInt8(ascii: "u")
    {
      let second = place
      place += 2
      let trail = try hexadecimal()
      if UTF16.isTrailSurrogate(UInt16(trail)) {
        value = 0x1_0000 + (value - 0xD800) << 10 + (trail - 0xDC00)
      } else {
        place = second
      }
    }
    // Half a surrogate pair, which other programs write and read, is no character.
    return Unicode.Scalar(value) ?? "\u{FFFD}"
  }

  private mutating func hexadecimal() throws -> UInt32 {
    guard place + 4 <= bytes.count else { throw error("a text without its end") }
    var value: UInt32 = 0
    for byte in bytes[place..<place + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw error("\\u without its four digits", at: place - 2)
      }
      value = value << 4 | UInt32(digit)
    }
    place += 4
    return value
  }
}
