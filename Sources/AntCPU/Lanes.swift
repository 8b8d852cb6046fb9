import CAntVectorUnit

/// Sixteen floats worked on together: one AVX-512 register, two of AVX2, four of SSE or NEON.
///
/// Every family is written over this one width, so results do not depend on the machine's own: lanes are
/// added to each other in the same order everywhere.
typealias Lanes = SIMD16<Float>
typealias LaneBits = SIMD16<UInt32>

typealias Floats = UnsafeMutablePointer<Float>

/// `a b + c`, fused where the machine does that in one instruction.
@inline(__always)
func multiplyAdd(_ a: Lanes, _ b: Lanes, _ c: Lanes) -> Lanes {
  fuses ? c.addingProduct(a, b) : a * b + c
}

@inline(__always)
private var fuses: Bool { VECTOR_FUSES == 1 }

@inline(__always)
func load(_ pointer: UnsafePointer<Float>) -> Lanes {
  UnsafeRawPointer(pointer).loadUnaligned(as: Lanes.self)
}

@inline(__always)
func store(_ value: Lanes, _ pointer: Floats) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Lanes.self)
}

/// The first `count` floats at `pointer`, the other lanes `padding`.
@inline(__always)
func load(_ pointer: UnsafePointer<Float>, _ count: Int, padding: Float = 0) -> Lanes {
  var value = Lanes(repeating: padding)
  for lane in 0..<count { value[lane] = pointer[lane] }
  return value
}

/// Stores the first `count` lanes.
@inline(__always)
func store(_ value: Lanes, _ pointer: Floats, _ count: Int) {
  for lane in 0..<count { pointer[lane] = value[lane] }
}

/// The larger of each pair of lanes; of a pair with a NaN, `b`.
@inline(__always)
func maximum(_ a: Lanes, _ b: Lanes) -> Lanes { b.replacing(with: a, where: a .> b) }

extension Lanes {
  /// The sum of all lanes, by halves.
  @inline(__always)
  var total: Float {
    let eight = lowHalf + highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }

  /// The largest lane.
  @inline(__always)
  var largest: Float {
    let eight = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
    let four = eight.lowHalf.replacing(with: eight.highHalf, where: eight.highHalf .> eight.lowHalf)
    return Swift.max(Swift.max(four.x, four.y), Swift.max(four.z, four.w))
  }
}

/// Calls `body` for each sixteen of `count` elements, then for what is left: (first element, elements).
///
/// `body` is inlined twice, once with the constant 16, so that whole lanes need no tail code.
@inline(__always)
func forEachLanes(_ count: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
  var start = 0
  while start &+ Lanes.scalarCount <= count {
    body(start, Lanes.scalarCount)
    start &+= Lanes.scalarCount
  }
  if start < count { body(start, count &- start) }
}

/// ``load(_:_:padding:)`` with whole lanes as the quick case.
@inline(__always)
func loadLanes(_ pointer: UnsafePointer<Float>, _ count: Int, padding: Float = 0) -> Lanes {
  count == Lanes.scalarCount ? load(pointer) : load(pointer, count, padding: padding)
}

@inline(__always)
func storeLanes(_ value: Lanes, _ pointer: Floats, _ count: Int) {
  if count == Lanes.scalarCount { store(value, pointer) } else { store(value, pointer, count) }
}

/// The first `count` lanes of `value`, the others `otherwise`.
@inline(__always)
func firstLanes(_ value: Lanes, _ count: Int, otherwise: Float) -> Lanes {
  guard count < Lanes.scalarCount else { return value }
  var value = value
  for lane in count..<Lanes.scalarCount { value[lane] = otherwise }
  return value
}
