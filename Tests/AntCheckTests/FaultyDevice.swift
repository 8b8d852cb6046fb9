import AntDevice
import Foundation

@testable import AntCheck

/// The reference, but for one fault: the suite must see each.
final class FaultyDevice: ReferenceDevice, CaseObserver {
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

  private let fault: Fault
  private var runs = 0

  init(_ fault: Fault) {
    self.fault = fault
    super.init()
  }

  // MARK: Faults that any operation may have

  /// Spoils the first output of a case, or its first input.
  func didRun(_ operands: [Operand]) {
    runs += 1
    guard let output = operands.first(where: { $0.role != .input }), output.layout.extent > 0 else { return }
    let (indices, extent) = (output.layout.indices, output.layout.extent)
    func word(_ index: Int, of operand: Operand) -> BufferSlice {
      operand.buffer[operand.offset + index..<operand.offset + index + 1]
    }
    func add(_ difference: Float, to slice: BufferSlice) {
      let old = Float(slice.numbers[0].value)
      write([old + difference * (abs(old) + 1)], to: slice)
    }
    switch fault {
    case .none, .leak, .shiftedMask, .unrounded, .roundedOtherwise, .failure: break
    case .wrongElement:
      // Where much is tolerated, much more.
      add(output.tolerance > 1e-4 ? 100 : 0.1, to: word(indices[indices.count / 2], of: output))
    case .unwrittenTail: write([.nan], to: word(indices[indices.count - 1], of: output))
    case .overrun: write([0 as Float], to: word(extent, of: output))
    case .underrun: write([0 as Float], to: word(-1, of: output))
    case .gap:
      let layout = output.layout
      if layout.stride > layout.columns, layout.rows > 1 {
        write([0 as Float], to: word(layout.columns, of: output))
      }
    case .changedInput:
      let input = operands.first {
        $0.role == .input && $0.buffer.elementType == .float32 && $0.layout.extent > 0
      }
      if let input { add(1e-3, to: word(0, of: input)) }
    case .race: if runs % 2 == 0 { add(1e-6, to: word(0, of: output)) }
    case .notANumber: write([.nan], to: word(0, of: output))
    }
  }

  // MARK: Faults of one family

  override func matmul(_ operation: Matmul) {
    super.matmul(operation.with(rounding(operation.precision)))
    goTheWay(operation)
  }

  override func attention(_ operation: Attention) {
    var ranges = operation.keyRanges
    if fault == .leak {
      let last = Int32(operation.shape.keyLength)
      let integers = ranges.integers
      ranges =
        makeBuffer((0..<ranges.count).map { $0 % 2 == 1 ? min(integers[$0] + 1, last) : integers[$0] })[...]
    }
    super.attention(operation.with(rounding(operation.precision), keyRanges: ranges))
  }

  override func dropout(_ operation: Dropout) {
    super.dropout(
      Dropout(
        operation.input, probability: operation.probability, stream: operation.stream,
        firstElement: operation.firstElement + (fault == .shiftedMask ? 1 : 0), residual: operation.residual,
        into: operation.output))
  }

  private func rounding(_ precision: Precision) -> Precision {
    switch fault {
    case .unrounded: .float32
    case .roundedOtherwise: precision == .tf32 ? .bfloat16 : .tf32
    default: precision
    }
  }

  // MARK: Failure

  override func read(_ slice: BufferSlice, into destination: UnsafeMutableRawBufferPointer) throws {
    try synchronize()
    try super.read(slice, into: destination)
  }

  override func synchronize() throws {
    if fault == .failure { throw DeviceError.commandFailed(device: "faulty", call: "enqueue", code: -5) }
  }

  // MARK: Ways to compute a product: one is right and slow, one quick and wrong, one quick and right

  enum Way { static let slow = [0], wrong = [1], quick = [2] }
  static let shapeClass = "any"
  /// Whether the device has these ways; its own rule is the slow one then.
  var hasWays = false
  private var choices = Tuning()

  override var tuning: Tuning {
    get { choices }
    set { choices = newValue }
  }

  override func ways(toCompute operation: Matmul) -> Tuning.Ways? {
    hasWays ? .init(shapeClass: Self.shapeClass, choices: [Way.slow, Way.wrong, Way.quick]) : nil
  }

  private func goTheWay(_ operation: Matmul) {
    guard hasWays else { return }
    let way = tuning.choices[Self.shapeClass] ?? Way.slow
    if way == Way.slow { usleep(3000) }
    if way == Way.wrong { write([0 as Float], to: operation.c.storage.prefix(1)) }
  }
}

extension Attention {
  /// The same in another precision, where other keys are seen.
  fileprivate func with(_ precision: Precision, keyRanges: BufferSlice) -> Attention {
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
