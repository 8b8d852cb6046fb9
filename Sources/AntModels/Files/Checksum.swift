/// A 64-bit checksum of a safetensors file's tensors: their names, types, shapes and bytes.
///
/// Four lanes take the words of a tensor in turn, `lane = rotate((lane ^ word) * odd)`. Each step is a
/// bijection of the lane, so a change within a single word never goes unseen, and any other damage with a
/// chance of 2^-64. It guards against damage, not against malice.
struct Checksum {
  static let key = "checksum"
  /// Names the method; a checksum of another kind is none of ours.
  static let prefix = "lanes64:"

  private var state: UInt64 = 0x243F_6A88_85A3_08D3
  private var lanes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  private var count = 0

  mutating func add(_ entry: SafeTensors.Entry, _ bytes: UnsafeRawBufferPointer) {
    begin(entry)
    add(bytes)
    end()
  }

  /// A tensor begins, whose bytes come next.
  mutating func begin(_ entry: SafeTensors.Entry) {
    beginRun()
    Array("\(entry.name) \(entry.type) \(entry.shape)".utf8).withUnsafeBytes { add($0) }
    end()
    beginRun()
  }

  private mutating func beginRun() {
    lanes = (state, state &+ 1, state &+ 2, state &+ 3)
    count = 0
  }

  /// Bytes of the tensor, a multiple of 32 of them but for its last ones.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    precondition(count % 32 == 0, "Checksum: a piece after \(count) bytes")
    var (a, b, c, d) = lanes
    var place = 0
    while place + 32 <= bytes.count {
      a = Self.step(a, bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      b = Self.step(b, bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self))
      c = Self.step(c, bytes.loadUnaligned(fromByteOffset: place + 16, as: UInt64.self))
      d = Self.step(d, bytes.loadUnaligned(fromByteOffset: place + 24, as: UInt64.self))
      place += 32
    }
    while place < bytes.count {
      a = Self.step(a, UInt64(bytes[place]))
      place += 1
    }
    lanes = (a, b, c, d)
    count += bytes.count
  }

  /// The tensor is complete.
  mutating func end() {
    state = UInt64(count)
    for lane in [lanes.0, lanes.1, lanes.2, lanes.3] { state = Self.step(state, lane) }
  }

  @inline(__always)
  private static func step(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let product = (lane ^ word.littleEndian) &* 0x9E37_79B9_7F4A_7C15
    return product << 29 | product >> 35
  }

  var text: String {
    let digits = String(state, radix: 16)
    return Self.prefix + String(repeating: "0", count: 16 - digits.count) + digits
  }
}
