import AntFiles
import Foundation

/// Reads the header of a safetensors file: the JSON it may contain and nothing else, so that what a general
/// parser lets pass (a name given twice, a negative offset, an unknown key) is an error.
struct SafeTensorsHeader {
  /// What is wrong, as the rest of a sentence that begins with "its header".
  struct Problem: Error { var text: String }

  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func parse() throws -> (entries: [SafeTensors.Entry], metadata: [String: String]) {
    var entries: [SafeTensors.Entry] = []
    var metadata: [String: String] = [:]
    var names: Set<ExactText> = []
    try object { header, name in
      guard names.insert(ExactText(name)).inserted else {
        throw Problem(text: "names tensor '\(name)' twice")
      }
      if name == "__metadata__" {
        var keys: Set<ExactText> = []
        try header.object { header, key in
          guard keys.insert(ExactText(key)).inserted else { throw Problem(text: "gives '\(key)' twice") }
          metadata[key] = try header.string()
        }
      } else {
        entries.append(try header.entry(name))
      }
    }
    skipSpace()
    guard place == bytes.count else { throw unexpected() }
    return (entries, metadata)
  }

  private mutating func entry(_ name: String) throws -> SafeTensors.Entry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try object { header, key in
      switch key {
      case "dtype" where type == nil: type = try header.string()
      case "shape" where shape == nil: shape = try header.integers()
      case "data_offsets" where offsets == nil: offsets = try header.integers()
      default: throw Problem(text: "has an unexpected '\(key)' in tensor '\(name)'")
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw Problem(text: "lacks a valid dtype, shape or data_offsets for tensor '\(name)'")
    }
    guard let elementSize = Self.elementSizes[type] else {
      throw Problem(text: "gives tensor '\(name)' the unknown type '\(type)'")
    }
    var size = elementSize
    for dimension in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard !overflow else { throw Problem(text: "gives tensor '\(name)' the shape \(shape)") }
      size = product
    }
    guard offsets[1] - offsets[0] == size else {
      throw Problem(
        text: "gives tensor '\(name)' \(offsets[1] - offsets[0]) bytes where \(type) \(shape) needs \(size)")
    }
    return SafeTensors.Entry(name: name, type: type, shape: shape, bytes: offsets[0]..<offsets[1])
  }

  private static let elementSizes = [
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
  ]

  // MARK: Grammar

  private func unexpected() -> Problem { Problem(text: "is not valid at byte \(place)") }

  private mutating func skipSpace() {
    while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
  }

  /// Takes `character` where it comes next.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard take(character) else { throw unexpected() }
  }

  /// `{"key": value, ...}`; `member` reads each value.
  private mutating func object(_ member: (inout Self, String) throws -> Void) throws {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  private mutating func string() throws -> String {
    try expect("\"")
    let start = place
    var isEscaped = false
    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
      if bytes[place] == UInt8(ascii: "\\") {
        isEscaped = true
        place += 1
      }
      place += 1
    }
    guard place < bytes.count else { throw unexpected() }
    let body = bytes[start..<place]
    place += 1
    if isEscaped {
      let literal = Data(Array("[\"".utf8) + body + Array("\"]".utf8))
      guard let decoded = try? JSONDecoder().decode([String].self, from: literal) else { throw unexpected() }
      return decoded[0]
    }
    guard let text = String(validating: body, as: UTF8.self) else { throw unexpected() }
    return text
  }

  /// `[n, ...]`, none negative.
  private mutating func integers() throws -> [Int] {
    try expect("[")
    var values: [Int] = []
    if take("]") { return values }
    repeat {
      skipSpace()
      let start = place
      while place < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place]) { place += 1 }
      guard let value = Int(String(decoding: bytes[start..<place], as: UTF8.self)) else { throw unexpected() }
      values.append(value)
    } while take(",")
    try expect("]")
    return values
  }
}
