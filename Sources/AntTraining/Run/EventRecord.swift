/// The bytes of one TensorBoard event: a few protobuf messages by hand, in the frame of a TFRecord.
///
///     record   length (8 bytes), masked CRC of these, event, masked CRC of the event       little-endian
///     Event    1 wall_time (double)  2 step (int64)  3 file_version (string)  5 summary (Summary)
///     Summary  1 value (Value), repeated
///     Value    1 tag (string)  2 simple_value (float)
///     mask(c)  ((c >> 15) | (c << 17)) + 0xa282ead8, so that a CRC of data with CRCs in it stays sound
enum EventRecord {
  /// What the first event of a file says.
  static let version = "brain.Event:2"

  /// - Parameter seconds: since 1970.
  static func fileVersion(seconds: Double) -> [UInt8] {
    framed(wallTime(seconds) + field(3, Array(version.utf8)))
  }

  static func scalars(_ values: [(tag: String, value: Float)], step: Int, seconds: Double) -> [UInt8] {
    let summary = values.flatMap { tag, value in
      field(1, field(1, Array(tag.utf8)) + [2 << 3 | 5] + littleEndian(value.bitPattern))
    }
    return framed(wallTime(seconds) + [2 << 3] + variable(UInt64(step)) + field(5, summary))
  }

  private static func wallTime(_ seconds: Double) -> [UInt8] {
    [1 << 3 | 1] + littleEndian(seconds.bitPattern)
  }

  /// Bytes, a text or a message as field `number`.
  private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + variable(UInt64(bytes.count)) + bytes
  }

  /// Seven bits a byte, the lowest first; all bytes but the last have the high bit set.
  private static func variable(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func framed(_ event: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(event.count))
    return length + littleEndian(masked(CRC32C.of(length))) + event + littleEndian(masked(CRC32C.of(event)))
  }

  private static func masked(_ checksum: UInt32) -> UInt32 {
    ((checksum >> 15) | (checksum << 17)) &+ 0xa282_ead8
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

/// The Castagnoli checksum (RFC 3720, B.4): polynomial 0x1edc6f41, bits reflected, inverted before and after.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 1 ? (rest >> 1) ^ 0x82f6_3b78 : rest >> 1 }
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { ($0 >> 8) ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }
}
