import Files
import Foundation

extension SafeTensors {
  /// A tensor to be written; its values usually are a stretch of a flat parameter buffer.
  public struct Source {
    public var name: String
    public var shape: [Int]
    public var values: ArraySlice<Float>

    public init(_ name: String, shape: [Int], values: ArraySlice<Float>) {
      precondition(shape.reduce(1, *) == values.count, "SafeTensors: \(shape) for \(values.count) values")
      self.name = name
      self.shape = shape
      self.values = values
    }
  }

  /// Writes `file` in F32, tensors sorted by name, with a checksum among the metadata, and waits until it is
  /// on the disk. Where writing fails, what was under the name stays.
  ///
  /// - Throws: `FileError`, on a full disk for example.
  public static func write(_ tensors: [Source], metadata: [String: String] = ["format": "pt"], to file: URL)
    throws
  {
    let tensors = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var checksum = Checksum()
    var members: [String] = []
    var end = 0
    for tensor in tensors {
      let entry = Entry(
        name: tensor.name, type: "F32", shape: tensor.shape, bytes: end..<end + 4 * tensor.values.count)
      end = entry.bytes.upperBound
      tensor.values.withUnsafeBytes { checksum.add(entry, $0) }
      let shape = entry.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(JSONObject.quoted(entry.name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(entry.bytes.lowerBound),\(end)]}")
    }
    let metadata = metadata.merging([Checksum.key: checksum.text]) { $1 }.sorted { $0.key < $1.key }
      .map { "\(JSONObject.quoted($0.key)):\(JSONObject.quoted($0.value))" }.joined(separator: ",")
    var header = "{\"__metadata__\":{\(metadata)}"
    for member in members { header += "," + member }
    header += "}"
    // Spaces align the data to 8 bytes.
    header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)

    let output = try OutputFile(file)
    try withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { try output.write($0) }
    try output.write(header)
    for tensor in tensors { try tensor.values.withUnsafeBytes { try output.write($0) } }
    try output.finish()
  }
}
