import AntDevice

/// A buffer on a device with an operand inside it, and what the buffer held before the operation.
///
///     | guard words | row 0 | guard | row 1 | guard | ... | guard words |
struct Operand {
  /// Guard words behind the operand; before it there are `offset`.
  static let trailingGuards = 96

  let name: String
  let role: Role
  let layout: Layout
  let buffer: Buffer
  let offset: Int
  let tolerance: Double
  private let compared: Range<Int>?
  /// Every word of the buffer, as bits.
  private let before: [UInt32]

  init(
    _ name: String, _ role: Role, _ layout: Layout, offset: Int, floats: [Float],
    tolerance: Double, compared: Range<Int>?, on device: any Device
  ) {
    // A guard is a quiet not-a-number that tells its place: whoever reads one shows it in the results.
    self.init(
      name, role, layout, offset: offset, type: .float32, words: floats.map(\.bitPattern),
      tolerance: tolerance, compared: compared, on: device
    ) { 0x7FE0_0000 | UInt32($0 & 0xFFFF) }
  }

  init(_ name: String, _ role: Role, _ layout: Layout, offset: Int, integers: [Int32], on device: any Device)
  {
    self.init(
      name, role, layout, offset: offset, type: .int32, words: integers.map { UInt32(bitPattern: $0) },
      tolerance: 0, compared: nil, on: device
    ) { _ in 1 }
  }

  private init(
    _ name: String, _ role: Role, _ layout: Layout, offset: Int, type: ElementType, words: [UInt32],
    tolerance: Double, compared: Range<Int>?, on device: any Device, guardWord: (Int) -> UInt32
  ) {
    var image = (0..<offset + layout.extent + Self.trailingGuards).map(guardWord)
    for (index, word) in zip(layout.indices, words) { image[offset + index] = word }
    self.name = name
    self.role = role
    self.layout = layout
    self.offset = offset
    self.tolerance = tolerance
    self.compared = compared
    before = image
    buffer = device.makeBuffer(type, count: image.count)
    image.withUnsafeBytes { device.write($0, to: buffer[...]) }
  }

  var slice: BufferSlice { buffer[offset..<offset + layout.extent] }

  var matrix: Matrix { Matrix(slice, rows: layout.rows, columns: layout.columns, stride: layout.stride) }

  /// Every word of the buffer now.
  func image(on device: any Device) throws -> [UInt32] {
    var image = [UInt32](repeating: 0, count: buffer.count)
    try image.withUnsafeMutableBytes { try device.read(buffer[...], into: $0) }
    return image
  }

  /// Holds what the buffer became against what it was and against the reference's buffer.
  func judge(_ after: [UInt32], against reference: [Measured]) -> (
    error: Double, failure: ConformanceFailure.Finding?
  ) {
    let own = layout.indices
    var isOwn = [Bool](repeating: false, count: before.count)
    for index in own { isOwn[offset + index] = true }
    for index in before.indices where after[index] != before[index] {
      if !isOwn[index] {
        return (.infinity, .init(name, "a guard word was overwritten", index: index - offset))
      }
      if role == .input { return (.infinity, .init(name, "an input was changed", index: index - offset)) }
    }
    guard role != .input else { return (0, nil) }
    let judged = compared.map { Array(own[$0]) } ?? own
    let comparison = Comparison(
      seen: judged.map { Float(bitPattern: after[offset + $0]) },
      expected: judged.map { reference[offset + $0] }, tolerance: tolerance)
    guard let fault = comparison.fault else { return (comparison.error, nil) }
    let place = (compared?.lowerBound ?? 0) + fault.index
    return (comparison.error, .init(name, fault.text, index: place, of: layout))
  }
}
