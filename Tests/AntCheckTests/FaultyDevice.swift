import AntDevice
import Foundation

/// A device that works and then spoils what it did: the suite must see each fault.
final class FaultyDevice: Device {
  enum Fault: String, CaseIterable {
    case none
    /// One element of the output is off by a tenth.
    case wrongElement
    /// The last element is never written.
    case unwrittenTail
    /// One element is written behind the output.
    case overrun
    /// One element is written before the output.
    case underrun
    /// One element is written between the output's rows.
    case gap
    /// An input is changed.
    case changedInput
    /// Every other run ends in other bits, all within the tolerance: a race.
    case race
    /// A not-a-number where a number belongs.
    case notANumber
    /// Every query sees one key too many.
    case leak
    /// Dropout draws from its neighbour.
    case shiftedMask
    /// Operands of products are not rounded to the precision asked for.
    case unrounded
    /// They are rounded to the other one.
    case roundedOtherwise
    /// The device fails.
    case failure
  }

  private let inner: any Device
  private let fault: Fault
  private var runs = 0
  private var isFailed = false

  init(_ fault: Fault, in inner: any Device) {
    self.fault = fault
    self.inner = inner
  }

  /// Spoils the operation that has just run, given its output and an input.
  ///
  /// - Parameters:
  ///   - middle: an element of the output that is not in a gap between its rows.
  ///   - wrongBy: more than the operation's tolerance lets pass.
  private func spoil(
    _ output: BufferSlice, _ input: BufferSlice?, middle: Int? = nil, wrongBy: Float = 0.1
  ) {
    runs += 1
    guard output.count > 0 else { return }
    func add(_ difference: Float, to slice: BufferSlice) {
      let old = (try? inner.read(slice)[0]) ?? 0
      inner.write([old * (1 + difference) + difference], to: slice)
    }
    func outside(_ offset: Int) -> BufferSlice {
      BufferSlice(buffer: output.buffer, offset: output.offset + offset, count: 1)
    }
    switch fault {
    case .none, .gap, .leak, .shiftedMask, .unrounded, .roundedOtherwise: break
    case .wrongElement:
      let middle = middle ?? output.count / 2
      add(wrongBy, to: output[middle..<middle + 1])
    case .unwrittenTail: inner.write([.nan], to: output[output.count - 1..<output.count])
    case .overrun: inner.write([0 as Float], to: outside(output.count))
    case .underrun: inner.write([0 as Float], to: outside(-1))
    case .changedInput:
      if let input, input.count > 0 { add(1e-3, to: input[0..<1]) }
    case .race: if runs % 2 == 0 { add(1e-6, to: output[0..<1]) }
    case .notANumber: inner.write([.nan], to: output[0..<1])
    case .failure: isFailed = true
    }
  }

  private func spoil(_ output: Matrix, _ input: Matrix?, wrongBy: Float = 0.1) {
    if fault == .gap && output.stride > output.columns && output.rows > 1 {
      inner.write([0 as Float], to: output.storage[output.columns..<output.columns + 1])
    }
    spoil(
      output.storage.prefix((output.rows - 1) * output.stride + output.columns), input?.storage,
      middle: output.rows / 2 * output.stride + output.columns / 2, wrongBy: wrongBy)
  }

  private func leaking(_ operation: Attention) -> Attention {
    let ranges = (try? inner.readIntegers(operation.keyRanges)) ?? []
    let last = Int32(operation.shape.keyLength)
    let wider = ranges.enumerated().map { $0 % 2 == 1 ? min($1 + 1, last) : $1 }
    return Attention(
      operation.shape, query: operation.query, key: operation.key, value: operation.value,
      keyRanges: inner.makeBuffer(wider)[...], positions: operation.positions, dropout: operation.dropout,
      into: operation.output, logSumExp: operation.logSumExp, precision: operation.precision)
  }

  // MARK: Ways to compute a product: one is right and slow, one quick and wrong, one quick and right

  enum Way { static let slow = [0], wrong = [1], quick = [2] }
  static let shapeClass = "any"
  /// Whether the device has these ways; its own rule is the slow one then.
  var hasWays = false
  var tuning = Tuning()

  func ways(toCompute operation: Matmul) -> Tuning.Ways? {
    hasWays ? .init(shapeClass: Self.shapeClass, choices: [Way.slow, Way.wrong, Way.quick]) : nil
  }

  private func goTheWay(_ operation: Matmul) {
    guard hasWays else { return }
    let way = tuning.choices[Self.shapeClass] ?? Way.slow
    if way == Way.slow { usleep(3000) }
    if way == Way.wrong { inner.write([0 as Float], to: operation.c.storage.prefix(1)) }
  }

  // MARK: The device

  var info: DeviceInfo { inner.info }
  var memoryUse: MemoryUse { inner.memoryUse }
  var profile: [KernelProfile] { inner.profile }

  func makeBuffer(_ elementType: ElementType, count: Int) -> Buffer {
    inner.makeBuffer(elementType, count: count)
  }

  func write(_ source: UnsafeRawBufferPointer, to slice: BufferSlice) { inner.write(source, to: slice) }

  func read(_ slice: BufferSlice, into destination: UnsafeMutableRawBufferPointer) throws {
    try synchronize()
    try inner.read(slice, into: destination)
  }

  func synchronize() throws {
    if isFailed { throw DeviceError.commandFailed(device: "faulty", call: "enqueue", code: -5) }
    try inner.synchronize()
  }

  func matmul(_ operation: Matmul) {
    switch fault {
    case .unrounded: inner.matmul(operation.with(.float32))
    case .roundedOtherwise: inner.matmul(operation.with(operation.precision.other))
    default: inner.matmul(operation)
    }
    goTheWay(operation)
    spoil(operation.c, operation.a)
  }

  func softmax(_ operation: Softmax) {
    inner.softmax(operation)
    spoil(operation.output, operation.input)
  }

  func softmax(_ operation: SoftmaxBackward) {
    inner.softmax(operation)
    spoil(operation.inputGradient, operation.output)
  }

  func attention(_ operation: Attention) {
    switch fault {
    case .leak: inner.attention(leaking(operation))
    case .unrounded: inner.attention(operation.with(.float32))
    case .roundedOtherwise: inner.attention(operation.with(operation.precision.other))
    default: inner.attention(operation)
    }
    spoil(operation.output, operation.key, wrongBy: operation.precision == .float32 ? 0.1 : 10)
  }

  func attention(_ operation: AttentionBackward) {
    inner.attention(operation)
    spoil(
      operation.keyGradient, operation.outputGradient,
      wrongBy: operation.forward.precision == .float32 ? 0.1 : 100)
  }

  func normalization(_ operation: Normalization) {
    inner.normalization(operation)
    spoil(operation.output, operation.input)
  }

  func normalization(_ operation: NormalizationBackward) {
    inner.normalization(operation)
    spoil(operation.inputGradient, operation.input)
  }

  func activation(_ operation: Activation) {
    inner.activation(operation)
    spoil(operation.output, operation.input)
  }

  func activation(_ operation: ActivationBackward) {
    inner.activation(operation)
    spoil(operation.inputGradient, operation.input)
  }

  func activation(_ operation: GatedActivation) {
    inner.activation(operation)
    spoil(operation.output, operation.up)
  }

  func activation(_ operation: GatedActivationBackward) {
    inner.activation(operation)
    spoil(operation.upGradient, operation.outputGradient)
  }

  func rotary(_ operation: Rotary) {
    inner.rotary(operation)
    spoil(operation.values, operation.table)
  }

  func embedding(_ operation: Embedding) {
    inner.embedding(operation)
    spoil(operation.output, operation.table)
  }

  func embedding(_ operation: EmbeddingBackward) {
    inner.embedding(operation)
    spoil(operation.tableGradient, operation.outputGradient)
  }

  func crossEntropy(_ operation: CrossEntropy) {
    inner.crossEntropy(operation)
    spoil(operation.losses, nil)
  }

  func dropout(_ operation: Dropout) {
    inner.dropout(
      Dropout(
        operation.input, probability: operation.probability, stream: operation.stream,
        firstElement: operation.firstElement + (fault == .shiftedMask ? 1 : 0), residual: operation.residual,
        into: operation.output))
    spoil(operation.output, operation.input)
  }

  func elementwise(_ operation: Fill) {
    inner.elementwise(operation)
    spoil(operation.output, nil)
  }

  func elementwise(_ operation: Copy) {
    inner.elementwise(operation)
    spoil(operation.output, operation.input)
  }

  func elementwise(_ operation: Add) {
    inner.elementwise(operation)
    spoil(operation.output, operation.a)
  }

  func elementwise(_ operation: Scale) {
    inner.elementwise(operation)
    spoil(operation.output, operation.input)
  }

  func elementwise(_ operation: Blend) {
    inner.elementwise(operation)
    spoil(operation.output, operation.input)
  }

  func elementwise(_ operation: Exchange) {
    inner.elementwise(operation)
    spoil(operation.a, nil)
  }

  func reduction(_ operation: Reduction) {
    inner.reduction(operation)
    spoil(operation.output, operation.input)
  }

  func reduction(_ operation: ColumnSum) {
    inner.reduction(operation)
    spoil(operation.output, operation.input.storage)
  }

  func optimizer(_ operation: GradientControl) {
    inner.optimizer(operation)
    spoil(operation.control, operation.loss)
  }

  func optimizer(_ operation: AdamW) {
    inner.optimizer(operation)
    spoil(operation.update.parameters, operation.update.gradients)
  }

  func optimizer(_ operation: LAMB) {
    inner.optimizer(operation)
    spoil(operation.update.parameters, operation.update.control)
  }

  func multiplyAdd(_ operation: MultiplyAdd) {
    inner.multiplyAdd(operation)
    spoil(operation.output, operation.input)
  }
}

extension Precision {
  /// The other one that rounds.
  fileprivate var other: Precision { self == .tf32 ? .bfloat16 : .tf32 }
}

extension Attention {
  /// The same in another precision.
  fileprivate func with(_ precision: Precision) -> Attention {
    Attention(
      shape, query: query, key: key, value: value, keyRanges: keyRanges, positions: positions,
      dropout: dropout, into: output, logSumExp: logSumExp, precision: precision)
  }
}

extension Matmul {
  /// The same product in another precision.
  fileprivate func with(_ precision: Precision) -> Matmul {
    Matmul(
      a, transposed: transposeA, b, transposed: transposeB, into: c, bias: bias, residual: residual,
      accumulate: accumulate, batch: batch, batchStrideA: batchStrideA, batchStrideB: batchStrideB,
      batchStrideC: batchStrideC, precision: precision)
  }
}
