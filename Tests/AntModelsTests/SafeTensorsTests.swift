import AntFiles
import AntModels
import Foundation
import Testing

/// Whatever is wrong with a file must be found when it is opened or read, and said in one line.
@Suite struct SafeTensorsTests {
  /// Written from a device, whole or in pieces, a file is what it is written from the host.
  @Test(arguments: deviceNames) func writesWhatLiesOnADevice(name: String) throws {
    let device = try openDevice(name)
    let values = (0..<5_000_003).map { Float($0 % 1013) - 500 }
    let buffer = device.makeBuffer(.float32, count: values.count + 7)
    let slice = buffer[7..<values.count + 7]
    device.write(values, to: slice)
    var bytes = Data()
    try device.readByCopying(slice) { bytes.append(contentsOf: $0) }
    #expect(values.withUnsafeBytes { bytes == Data($0) })

    let folder = TemporaryFolder()
    let other = folder.url.appending(path: "other.safetensors")
    try SafeTensors.write([.init("w", shape: [values.count], values: values[...])], to: folder.weights)
    try SafeTensors.write([.init("w", shape: [values.count], slice, on: device)], to: other)
    #expect(try Data(contentsOf: folder.weights) == Data(contentsOf: other))
    #expect(try SafeTensors(contentsOf: other).floats("w") == values)
  }

  @Test func writesAndReadsBack() throws {
    let file = TemporaryFile()
    let values: [Float] = (0..<30).map { Float($0) * 0.37 - 3 }
    try SafeTensors.write(
      [
        .init("z", shape: [2, 5], values: values[0..<10]),
        .init("a \"quoted\"\\\n", shape: [20], values: values[10..<30]),
      ],
      metadata: ["format": "pt", "note": "x"], to: file.url)
    let read = try SafeTensors(contentsOf: file.url)
    #expect(read.entries.map(\.name) == ["a \"quoted\"\\\n", "z"])
    #expect(read.entry("z")?.shape == [2, 5])
    #expect(try read.floats("z") == Array(values[0..<10]))
    #expect(try read.floats("a \"quoted\"\\\n") == Array(values[10..<30]))
    #expect(read.metadata["format"] == "pt" && read.metadata["note"] == "x")
    #expect(try file.content().prefix(8).first! % 8 == 0)
  }

  /// Names that Unicode takes for equivalent, such as the sign of Kelvin and K, are two.
  @Test func namesAreTheirCharacters() throws {
    let file = TemporaryFile()
    try SafeTensors.write(
      [.init("K", shape: [1], values: [1]), .init("\u{212A}", shape: [1], values: [2])], to: file.url)
    let read = try SafeTensors(contentsOf: file.url)
    #expect(read.entries.count == 2)
    #expect(try read.floats("K") == [1])
    #expect(try read.floats("\u{212A}") == [2])
    let weights = ModelWeights(read)
    #expect(weights.names.count == 2)
    #expect(try weights.floats("\u{212A}") == [2])
  }

  @Test func readsForeignFiles() throws {
    let file = TemporaryFile()
    let halves: [UInt16] = [0x3C00, 0xC000, 0x0001, 0x03FF, 0x7BFF, 0x8000, 0x3555]
    let expected: [Float] = [
      1, -2, 0x1p-24, 1023 * 0x1p-24, 65504, -0.0, 0.333251953125,
    ]
    try file.write(
      header: """
        { "half" : {"dtype":"F16","shape":[7],"data_offsets":[0,14]},
          "brain":{"shape":[1,2],"data_offsets":[14,18],"dtype":"BF16"},
          "none":{"dtype":"F32","shape":[0,3],"data_offsets":[18,18]},
          "long":{"dtype":"I64","shape":[],"data_offsets":[18,26]}}
        """,
      data: halves.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } + [0xC0, 0x3F, 0x80, 0xBF]
        + [1, 0, 0, 0, 0, 0, 0, 0])
    let read = try SafeTensors(contentsOf: file.url)
    #expect(try read.floats("half").map(\.bitPattern) == expected.map(\.bitPattern))
    #expect(try read.floats("brain") == [1.5, -1])
    #expect(try read.floats("none") == [])
    #expect(throws: SafeTensorsError.unsupportedType(file: file.path, tensor: "long", type: "I64")) {
      try read.floats("long")
    }
    #expect(throws: SafeTensorsError.missingTensor(file: file.path, tensor: "nowhere")) {
      try read.floats("nowhere")
    }
  }

  /// A valid header for eight bytes of data, and what each damaged variant must complain about.
  @Test(arguments: [
    ("{", "not valid at byte 1"),
    ("", "not valid at byte 0"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x"#, "not valid at byte 55"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
        + #""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      "'a' twice"
    ),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "4 bytes where F32 [2] needs 8"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "lacks a valid"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, "not valid at byte"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#, "lacks a valid"),
    (#"{"a":{"dtype":"F32","shape":[2]}}"#, "lacks a valid"),
    (#"{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}"#, "unknown type 'F31'"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":[1]}}"#, "unexpected 'more'"),
    (#"{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,8]}}"#, "the shape"),
    (#"{"a":{"dtype":"F32","shape":[92233720368547758070],"data_offsets":[0,8]}}"#, "not valid at byte"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, "hold 12 bytes of tensors and holds 8"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "hold 4 bytes of tensors and holds 8"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "'a' leaves a gap"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
        + #""b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "'b' overlaps"
    ),
    (#"{"__metadata__":{"x":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "not valid at byte"),
    (
      #"{"__metadata__":{"x":"1","x":"2"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "'x' twice"
    ),
    ("{\"a", "not valid at byte"),
    ("{\"a\\", "not valid at byte"),
  ])
  func refusesDamagedHeaders(header: String, complaint: String) throws {
    let file = TemporaryFile()
    try file.write(header: header, data: [UInt8](repeating: 0, count: 8))
    let error = #expect(throws: SafeTensorsError.self) { try SafeTensors(contentsOf: file.url) }
    let text = try #require(error).description
    #expect(text.contains(complaint) && text.hasPrefix(file.path) && !text.contains("\n"), "\(text)")
  }

  @Test func refusesWhatIsNoFile() throws {
    let file = TemporaryFile()
    #expect(throws: FileError("read", file.path, code: ENOENT)) { try SafeTensors(contentsOf: file.url) }
    for content in [
      [], [1, 2, 3], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [9, 0, 0, 0, 0, 0, 0, 0, 1],
    ]
      as [[UInt8]]
    {
      try Data(content).write(to: file.url)
      let error = #expect(throws: SafeTensorsError.self) { try SafeTensors(contentsOf: file.url) }
      #expect(try #require(error).description.contains("not a whole safetensors file"))
    }
  }

  /// Cut anywhere or with any single bit turned, a file of ours is never read as if it were whole.
  @Test func noticesEveryBit() throws {
    let file = TemporaryFile()
    let values: [Float] = (0..<23).map { Float($0) * 0.01 }
    try SafeTensors.write(
      [.init("b", shape: [23], values: values[...]), .init("a", shape: [2, 2], values: values[3..<7])],
      to: file.url)
    let whole = try file.content()
    let good = try SafeTensors(contentsOf: file.url)
    let headerEnd = 8 + Int(whole[0]) + 256 * Int(whole[1])

    for length in 0..<whole.count {
      try Data(whole[0..<length]).write(to: file.url)
      #expect(throws: SafeTensorsError.self) { try SafeTensors(contentsOf: file.url) }
    }
    for bit in 0..<8 * whole.count {
      var damaged = whole
      damaged[bit / 8] ^= 1 << (bit % 8)
      try Data(damaged).write(to: file.url)
      if bit / 8 >= headerEnd {
        #expect(throws: SafeTensorsError.wrongChecksum(file: file.path)) {
          try SafeTensors(contentsOf: file.url)
        }
      } else if let read = try? SafeTensors(contentsOf: file.url) {
        // Only what says nothing about the tensors may change unseen: the other metadata.
        #expect(read.entries == good.entries, "bit \(bit)")
        #expect(try read.floats("b") == values)
      }
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func refusesWhatIsNotFinite(value: Float) throws {
    let file = TemporaryFile()
    try SafeTensors.write([.init("w", shape: [3], values: [1, value, 2])], to: file.url)
    #expect(throws: SafeTensorsError.notFinite(file: file.path, tensor: "w")) {
      try SafeTensors(contentsOf: file.url).floats("w")
    }
  }

  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "this machine has no /dev/full"))
  func saysThatTheDiskIsFull() throws {
    let source = SafeTensors.Source("w", shape: [1], values: [1])
    #expect(throws: FileError("write", "/dev/full", code: ENOSPC)) {
      try SafeTensors.write([source], to: URL(fileURLWithPath: "/dev/full"))
    }
    #expect(FileManager.default.fileExists(atPath: "/dev/full"))
    let nowhere = "/nonexistent/folder/x.safetensors"
    #expect(throws: FileError("write", nowhere, code: ENOENT)) {
      try SafeTensors.write([source], to: URL(fileURLWithPath: nowhere))
    }
  }
}

/// A path in the temporary folder, removed at the end.
final class TemporaryFile {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("models-tests-\(UUID().uuidString)")
  var path: String { url.path }

  deinit { try? FileManager.default.removeItem(at: url) }

  func content() throws -> [UInt8] { [UInt8](try Data(contentsOf: url)) }

  func write(header: String, data: [UInt8]) throws {
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) }
    try Data(length + Array(header.utf8) + data).write(to: url)
  }
}
