import AntDevice
import AntFiles
import Foundation

extension SafeTensors {
  /// A tensor to be written.
  public struct Source {
    /// Where its elements are.
    fileprivate enum Elements {
      case host(ArraySlice<Float>)
      case device(BufferSlice, any Device)
    }

    public var name: String
    public var shape: [Int]
    fileprivate let elements: Elements
    fileprivate var count: Int { shape.reduce(1, *) }

    public init(_ name: String, shape: [Int], values: ArraySlice<Float>) {
      precondition(shape.reduce(1, *) == values.count, "SafeTensors: \(shape) for \(values.count) values")
      self.name = name
      self.shape = shape
      elements = .host(values)
    }

    public init(_ name: String, shape: [Int], _ slice: BufferSlice, on device: any Device) {
      precondition(shape.reduce(1, *) == slice.count, "SafeTensors: \(shape) for \(slice.count) elements")
      self.name = name
      self.shape = shape
      elements = .device(slice, device)
    }

    /// Calls `body` with the elements' bytes, few at a time so that each piece is still in the cache when it has
    /// been summed and is written.
    fileprivate func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
      func pieces(of bytes: UnsafeRawBufferPointer) throws {
        for start in stride(from: 0, to: bytes.count, by: 1 << 18) {
          try body(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + (1 << 18), bytes.count)]))
        }
      }
      switch elements {
      case .host(let values): try values.withUnsafeBytes(pieces)
      case .device(let slice, let device): try device.read(slice, inPieces: pieces)
      }
    }
  }

  /// Writes `file` in F32, tensors sorted by name, with a checksum among the metadata, and waits until it is
  /// on the disk. Where writing fails, what was under the name stays.
  ///
  /// - Throws: `FileError`, on a full disk for example, or the failure of a device that holds elements.
  public static func write(_ tensors: [Source], metadata: [String: String] = ["format": "pt"], to file: URL)
    throws
  {
    let tensors = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var entries: [Entry] = []
    for tensor in tensors {
      let start = entries.last?.bytes.upperBound ?? 0
      entries.append(
        Entry(name: tensor.name, type: "F32", shape: tensor.shape, bytes: start..<start + 4 * tensor.count))
    }
    var checksum = Checksum()
    let output = try OutputFile(file)
    // The checksum is known when all is written; its text always has the same length.
    try output.write(header(entries, metadata, checksum))
    for (tensor, entry) in zip(tensors, entries) {
      checksum.begin(entry)
      try tensor.forEachPiece { piece in
        checksum.add(piece)
        try output.write(piece)
      }
      checksum.end()
    }
    try output.replaceBeginning(with: header(entries, metadata, checksum))
    try output.finish()
  }

  /// The header and its length in front.
  private static func header(_ entries: [Entry], _ metadata: [String: String], _ checksum: Checksum) -> Data {
    let metadata = metadata.merging([Checksum.key: checksum.text]) { $1 }.sorted { $0.key < $1.key }
      .map { "\(JSONObject.quoted($0.key)):\(JSONObject.quoted($0.value))" }.joined(separator: ",")
    var header = "{\"__metadata__\":{\(metadata)}"
    for entry in entries {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      header +=
        ",\(JSONObject.quoted(entry.name)):{\"dtype\":\"\(entry.type)\",\"shape\":[\(shape)],"
        + "\"data_offsets\":[\(entry.bytes.lowerBound),\(entry.bytes.upperBound)]}"
    }
    header += "}"
    // Spaces align the data to 8 bytes.
    header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
  }
}
