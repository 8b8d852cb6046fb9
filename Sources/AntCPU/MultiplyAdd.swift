import AntDevice
import CAntVectorUnit

/// `x <- factor x + term`, many times: as many chains side by side as it takes to keep the vector units busy.
extension CPUDevice {
  public func multiplyAdd(_ operation: MultiplyAdd) {
    guard operation.count > 0 else { return }
    command(
      "multiplyAdd", operations: 2 * operation.count * operation.steps, floats: 2 * operation.count
    ) {
      let (x, y) = (operation.input.floats, operation.output.floats)
      parallel.overElements(operation.count) { range in
        // In here: lanes that a closure captures are two halves to the compiler, and so are the products with them.
        let factor = Lanes(repeating: operation.factor)
        let term = Lanes(repeating: operation.term)
        let (x, y) = (x + range.lowerBound, y + range.lowerBound)
        var start = 0
        while start &+ Chains.count <= range.count {
          var chains = Chains(x + start)
          for _ in 0..<operation.steps { chains.advance(factor, term) }
          chains.write(to: y + start)
          start &+= Chains.count
        }
        let rest = start
        forEachLanes(range.count - rest) { start, count in
          var value = loadLanes(x + rest + start, count)
          for _ in 0..<operation.steps { value = fused(value, factor, term) }
          storeLanes(value, y + rest + start, count)
        }
      }
    }
  }
}

/// The free function, which the device's method of that name hides.
@inline(__always)
func fused(_ x: Lanes, _ factor: Lanes, _ term: Lanes) -> Lanes { multiplyAdd(x, factor, term) }

/// Six or twelve lanes: a result takes some four cycles, and two are begun in each. With 16 registers of eight floats,
/// six lanes are as many as stay in them.
private struct Chains {
  static let count = isWide ? 12 * Lanes.scalarCount : 6 * Lanes.scalarCount
  private static var isWide: Bool { VECTOR_FLOATS == 16 }

  private var first: Six
  private var second: Six

  @inline(__always)
  init(_ source: UnsafePointer<Float>) {
    first = Six(source)
    second = Self.isWide ? Six(source + 6 * Lanes.scalarCount) : first
  }

  @inline(__always)
  mutating func advance(_ factor: Lanes, _ term: Lanes) {
    first.advance(factor, term)
    if Self.isWide { second.advance(factor, term) }
  }

  @inline(__always)
  func write(to target: Floats) {
    first.write(to: target)
    if Self.isWide { second.write(to: target + 6 * Lanes.scalarCount) }
  }

  private struct Six {
    var a, b, c, d, e, f: Lanes

    @inline(__always)
    init(_ source: UnsafePointer<Float>) {
      a = load(source)
      b = load(source + 16)
      c = load(source + 32)
      d = load(source + 48)
      e = load(source + 64)
      f = load(source + 80)
    }

    @inline(__always)
    mutating func advance(_ factor: Lanes, _ term: Lanes) {
      a = multiplyAdd(a, factor, term)
      b = multiplyAdd(b, factor, term)
      c = multiplyAdd(c, factor, term)
      d = multiplyAdd(d, factor, term)
      e = multiplyAdd(e, factor, term)
      f = multiplyAdd(f, factor, term)
    }

    @inline(__always)
    func write(to target: Floats) {
      store(a, target)
      store(b, target + 16)
      store(c, target + 32)
      store(d, target + 48)
      store(e, target + 64)
      store(f, target + 80)
    }
  }
}
