/// A place where tensors live and operations run.
///
/// Operations are small values (``Matmul``, ``Attention``, …) that carry sizes and buffer slices; handing one
/// to a device enqueues it. Commands run in the order they were given, as if by one in-order queue, so that a
/// buffer may be reused as soon as the last command that names it has been *enqueued*.
///
/// **Errors.** A shape that does not fit is a programmer's mistake: the operation's initializer traps and
/// prints the shapes. A failure of the device itself (out of memory, a lost driver) is *sticky*: the device
/// remembers it, ignores every later command, and throws it from the next ``synchronize()`` or read. Model
/// code is therefore free of `try`.
///
/// **Determinism.** Equal commands on an equal device give equal bits: how work is divided and in which order
/// sums are taken depends on shapes and on the recorded configuration only, never on the number of threads,
/// on scheduling or on a timing.
///
/// **Ownership.** A device has one owner: its methods are called from one thread at a time.
public protocol Device: AnyObject {
  /// What the device is, for people and for discovery.
  var info: DeviceInfo { get }

  // MARK: Tuning

  /// The choices in force (see ``Tuning``).
  var tuning: Tuning { get set }

  /// How the product could be cut; nil where there is nothing to choose.
  func ways(toCompute operation: Matmul) -> Tuning.Ways?

  /// Keeps ``tuning`` for the next time that this device is opened on this machine.
  func keepTuning() throws

  // MARK: Memory

  /// Memory for `count` elements, its content undefined. It returns to the device's pool when the last
  /// reference is dropped. Never fails by itself: a device out of memory becomes a failed device.
  func makeBuffer(_ elementType: ElementType, count: Int) -> Buffer

  /// Copies host memory (float32 or int32, as the slice's element type says) into `slice`. The host memory
  /// may be changed as soon as the call returns.
  func write(_ source: UnsafeRawBufferPointer, to slice: BufferSlice)

  /// Waits for every earlier command and copies `slice` to host memory (float32 or int32).
  func read(_ slice: BufferSlice, into destination: UnsafeMutableRawBufferPointer) throws

  /// Waits for every earlier command and calls `body` with the bytes of `slice` in order: all at once and in place
  /// where the device computes in the host's memory, else in pieces, each a multiple of 4096 bytes but the last.
  func read(_ slice: BufferSlice, inPieces body: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Waits for every command given so far. Throws the first failure the device met.
  func synchronize() throws

  /// Bytes the device holds for buffers now (in use and pooled), the most it ever held, and how often it had
  /// to ask the system for memory.
  var memoryUse: MemoryUse { get }

  /// Time per kernel since profiling was switched on; empty where it is off.
  var profile: [KernelProfile] { get }

  // MARK: Operations: one family a line, forward and backward together

  func matmul(_ operation: Matmul)
  func softmax(_ operation: Softmax)
  func softmax(_ operation: SoftmaxBackward)
  func attention(_ operation: Attention)
  func attention(_ operation: AttentionBackward)
  func normalization(_ operation: Normalization)
  func normalization(_ operation: NormalizationBackward)
  func activation(_ operation: Activation)
  func activation(_ operation: ActivationBackward)
  func activation(_ operation: GatedActivation)
  func activation(_ operation: GatedActivationBackward)
  func rotary(_ operation: Rotary)
  func embedding(_ operation: Embedding)
  func embedding(_ operation: EmbeddingBackward)
  func crossEntropy(_ operation: CrossEntropy)
  func dropout(_ operation: Dropout)
  func elementwise(_ operation: Fill)
  func elementwise(_ operation: Copy)
  func elementwise(_ operation: Add)
  func elementwise(_ operation: Scale)
  func elementwise(_ operation: Blend)
  func elementwise(_ operation: Exchange)
  func reduction(_ operation: Reduction)
  func reduction(_ operation: ColumnSum)
  func optimizer(_ operation: GradientControl)
  func optimizer(_ operation: AdamW)
  func optimizer(_ operation: LAMB)
  func optimizer(_ operation: MuonDirection)
  func optimizer(_ operation: MuonStep)
  func multiplyAdd(_ operation: MultiplyAdd)
}

extension Device {
  public func read(_ slice: BufferSlice, inPieces body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try readByCopying(slice, inPieces: body)
  }

  /// As ``AntDevice/read(_:inPieces:)``, for devices with memory of their own.
  public func readByCopying(_ slice: BufferSlice, inPieces body: (UnsafeRawBufferPointer) throws -> Void)
    throws
  {
    let size = slice.elementType.size
    let staging = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 24, alignment: 4096)
    defer { staging.deallocate() }
    for start in stride(from: 0, to: slice.count, by: staging.count / size) {
      let piece = slice[start..<min(start + staging.count / size, slice.count)]
      let bytes = UnsafeMutableRawBufferPointer(rebasing: staging[0..<size * piece.count])
      try read(piece, into: bytes)
      try body(UnsafeRawBufferPointer(bytes))
    }
  }

  /// A new float32 buffer holding `values`.
  public func makeBuffer(_ values: [Float]) -> Buffer {
    let buffer = makeBuffer(.float32, count: values.count)
    write(values, to: buffer[...])
    return buffer
  }

  /// A new int32 buffer holding `values`.
  public func makeBuffer(_ values: [Int32]) -> Buffer {
    let buffer = makeBuffer(.int32, count: values.count)
    write(values, to: buffer[...])
    return buffer
  }

  /// `values` in a new buffer with room for the next power of two of them: lists whose length changes a
  /// little from step to step then take each other's memory.
  public func makeList(_ values: [Int32]) -> BufferSlice {
    let list = makeBuffer(.int32, count: Buffer.room(for: values.count))[0..<values.count]
    write(values, to: list)
    return list
  }

  /// As ``makeList(_:)-([Int32])``, of floats.
  public func makeList(_ values: [Float]) -> BufferSlice {
    let list = makeBuffer(.float32, count: Buffer.room(for: values.count))[0..<values.count]
    write(values, to: list)
    return list
  }

  /// Copies `values` into the beginning of `slice`.
  public func write(_ values: [Float], to slice: BufferSlice) {
    require(slice, holds: values.count, of: .float32, "write")
    values.withUnsafeBytes { write($0, to: slice.prefix(values.count)) }
  }

  /// Copies `values` into the beginning of `slice`.
  public func write(_ values: [Int32], to slice: BufferSlice) {
    require(slice, holds: values.count, of: .int32, "write")
    values.withUnsafeBytes { write($0, to: slice.prefix(values.count)) }
  }

  /// The floats of `slice`, after every earlier command has run.
  public func read(_ slice: BufferSlice) throws -> [Float] {
    require(slice, holds: slice.count, of: .float32, "read")
    var values = [Float](repeating: 0, count: slice.count)
    try values.withUnsafeMutableBytes { try read(slice, into: $0) }
    return values
  }

  /// The integers of `slice`, after every earlier command has run.
  public func readIntegers(_ slice: BufferSlice) throws -> [Int32] {
    require(slice, holds: slice.count, of: .int32, "readIntegers")
    var values = [Int32](repeating: 0, count: slice.count)
    try values.withUnsafeMutableBytes { try read(slice, into: $0) }
    return values
  }
}
