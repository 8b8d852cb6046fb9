import AntFiles
import Foundation

/// A safetensors file (https://huggingface.co/docs/safetensors), mapped into memory and checked before use.
///
///     8 bytes   length n of the header, little-endian
///     n bytes   {"name": {"dtype": "F32", "shape": [r, c], "data_offsets": [begin, end]}, ...,
///                "__metadata__": {"format": "pt", ...}}
///     the rest  the tensors' elements, little-endian, row-major, without gaps or overlaps
///
/// Opening validates everything that can be checked without knowing the model: the header's grammar, that no
/// name occurs twice, that every tensor has the bytes its shape says, that the tensors cover the data
/// exactly, and the checksum where the file has one (see ``Checksum``).
public struct SafeTensors {
  /// One tensor of the file.
  public struct Entry: Equatable, Sendable {
    public var name: String
    /// `F32`, `F16`, `BF16`, `I64`, …
    public var type: String
    public var shape: [Int]
    /// Bytes, counted from the beginning of the data.
    public var bytes: Range<Int>
  }

  public let file: URL
  public let metadata: [String: String]
  /// In the order of the data.
  public let entries: [Entry]
  private let places: [ExactText: Int]
  private let content: Data
  private let dataStart: Int

  /// Opens and validates `file`.
  ///
  /// - Throws: ``SafeTensorsError``, `FileError` or `FileKindError`.
  public init(contentsOf file: URL) throws {
    try self.init(MappedFile(own: file).data, file: file)
  }

  /// How files begin that go by the name of one, and what they are.
  private static let otherBeginnings = [
    ("version https://git-lfs", "a pointer of Git LFS, for which 'git lfs pull' gets the file"),
    ("PK\u{3}\u{4}", "an archive, as torch.save writes"),
    ("GGUF", "weights for llama.cpp"), ("<!DOCTYPE", "a page of the web"), ("<html", "a page of the web"),
  ]

  /// Validates what `file` holds.
  init(_ content: Data, file: URL) throws {
    func refuse(_ problem: String) -> SafeTensorsError { .damaged(file: file.path, problem: problem) }
    for (beginning, what) in Self.otherBeginnings where content.starts(with: beginning.utf8) {
      throw refuse("but \(what)")
    }
    guard content.count >= 8 else { throw refuse("only \(content.count) bytes long") }
    let length = content.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= 100_000_000 else { throw refuse("its header claims to be \(length) bytes long") }
    guard Int(length) <= content.count - 8 else {
      throw refuse("its header of \(length) bytes does not fit the file's \(content.count)")
    }
    var header = SafeTensorsHeader([UInt8](content[8..<8 + Int(length)]))
    let (entries, metadata): ([Entry], [String: String])
    do {
      (entries, metadata) = try header.parse()
    } catch let problem as SafeTensorsHeader.Problem {
      throw refuse("its header \(problem.text)")
    }
    self.file = file
    self.metadata = metadata
    self.entries = entries.sorted {
      ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound)
    }
    self.content = content
    dataStart = 8 + Int(length)
    places = Dictionary(uniqueKeysWithValues: self.entries.enumerated().map { (ExactText($1.name), $0) })

    var end = 0
    for entry in self.entries {
      guard entry.bytes.lowerBound == end else {
        let fault = entry.bytes.lowerBound < end ? "overlaps another" : "leaves a gap before it"
        throw refuse("tensor '\(entry.name)' \(fault)")
      }
      end = entry.bytes.upperBound
    }
    let available = content.count - dataStart
    guard end == available else {
      throw refuse("it should hold \(end) bytes of tensors and holds \(available)")
    }
    if let recorded = metadata[Checksum.key], recorded.hasPrefix(Checksum.prefix) {
      var checksum = Checksum()
      for entry in self.entries { withBytes(of: entry) { checksum.add(entry, $0) } }
      if checksum.text != recorded { throw SafeTensorsError.wrongChecksum(file: file.path) }
    }
  }

  /// The tensor called `name`; nil where there is none.
  public func entry(_ name: String) -> Entry? { places[ExactText(name)].map { entries[$0] } }

  /// The elements of a tensor as floats, row-major; F16 and BF16 are converted.
  ///
  /// - Throws: ``SafeTensorsError`` where the tensor is missing, is of another type or holds a NaN or an
  /// infinity.
  public func floats(_ name: String) throws -> [Float] {
    guard let entry = entry(name) else {
      throw SafeTensorsError.missingTensor(file: file.path, tensor: name)
    }
    var values = [Float](repeating: 0, count: entry.shape.reduce(1, *))
    try values.withUnsafeMutableBufferPointer { try copy(name, into: $0) }
    return values
  }

  /// As ``floats(_:)``, into memory for exactly the tensor's elements.
  public func copy(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws {
    guard let entry = entry(name) else {
      throw SafeTensorsError.missingTensor(file: file.path, tensor: name)
    }
    precondition(entry.shape.reduce(1, *) == target.count, "SafeTensors: \(entry.shape) into \(target.count)")
    try withBytes(of: entry) { bytes in
      switch entry.type {
      case "F32":
        UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
      case "BF16":
        for index in target.indices {
          let half = bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
          target[index] = Float(bitPattern: UInt32(half) << 16)
        }
      case "F16":
        for index in target.indices {
          target[index] = float(half: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
        }
      default:
        throw SafeTensorsError.unsupportedType(file: file.path, tensor: name, type: entry.type)
      }
    }
    var isFinite = true
    for value in target { isFinite = isFinite && value.bitPattern & 0x7F80_0000 != 0x7F80_0000 }
    if !isFinite { throw SafeTensorsError.notFinite(file: file.path, tensor: name) }
  }

  private func withBytes<R>(of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try content.withUnsafeBytes { bytes in
      let start = dataStart + entry.bytes.lowerBound
      return try body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + entry.bytes.count]))
    }
  }
}

/// The float32 of the same value as an IEEE 754 half: 1 sign bit, 5 of exponent, 10 of mantissa.
private func float(half: UInt16) -> Float {
  let sign = UInt32(half & 0x8000) << 16
  let exponent = UInt32(half >> 10 & 0x1F)
  let mantissa = UInt32(half & 0x3FF)
  switch exponent {
  case 0: return Float(sign: sign == 0 ? .plus : .minus, exponent: -24, significand: Float(mantissa))
  case 31: return Float(bitPattern: sign | 0x7F80_0000 | mantissa << 13)
  default: return Float(bitPattern: sign | (exponent + 112) << 23 | mantissa << 13)
  }
}

/// Why a safetensors file cannot be used, in one line.
public enum SafeTensorsError: Error, Equatable, Sendable, CustomStringConvertible {
  case damaged(file: String, problem: String)
  case wrongChecksum(file: String)
  case missingTensor(file: String, tensor: String)
  case unsupportedType(file: String, tensor: String, type: String)
  case notFinite(file: String, tensor: String)

  public var description: String { message.onOneLine }

  private var message: String {
    switch self {
    case .damaged(let file, let problem):
      "\(file): not a whole safetensors file, \(problem); use another checkpoint or copy it again"
    case .wrongChecksum(let file):
      "\(file): the weights differ from their checksum; use another checkpoint or copy it again"
    case .missingTensor(let file, let tensor):
      "\(file): no tensor '\(tensor)'; the file is not of this kind of checkpoint"
    case .unsupportedType(let file, let tensor, let type):
      "\(file): tensor '\(tensor)' is of type \(type); convert it to F32, F16 or BF16"
    case .notFinite(let file, let tensor):
      "\(file): tensor '\(tensor)' holds a NaN or an infinity; use another checkpoint"
    }
  }
}
