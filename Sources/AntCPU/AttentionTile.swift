import AntDevice
import CAntVectorUnit

/// The register tile of attention, and products of small matrices over it.
///
/// Both passes keep the queries or the keys of a block in lanes, so that row statistics, masks and exponentials
/// work on whole lanes, and what one product stores is what the next one reads.
enum AttentionTile {
  private typealias Wide = Pair<Pair<Pair<Row<TwoLanes>>>>
  private typealias Medium = Pair<Pair<Row<OneLanes>>>
  private typealias Narrow = Pair<Row<OneLanes>>

  @inline(__always) private static var isWide: Bool { VECTOR_FLOATS == 16 }
  @inline(__always) private static var isMedium: Bool { VECTOR_FLOATS == 8 || VECTOR_REGISTERS == 32 }
  /// Rows of a tile.
  @inline(__always) static var rows: Int { isWide ? Wide.rows : isMedium ? Medium.rows : Narrow.rows }
  /// Positions in lanes: columns of a tile.
  @inline(__always) static var columns: Int { isWide ? 32 : 16 }
  /// Positions of the other side that one step of the online softmax takes in.
  static let block = 64

  /// Rounded up to whole tiles.
  @inline(__always) static func wholeRows(_ count: Int) -> Int { divide(count, rows) &* rows }
  @inline(__always) static func wholeColumns(_ count: Int) -> Int { divide(count, columns) &* columns }

  /// `c[r, :] [+]= sum_k a[r, k] b[k, :]` over whole tiles of rows, ``columns`` columns.
  ///
  /// - Parameters:
  ///   - tileStep: from the first row of A in one tile to the first in the next.
  ///   - aStep: from one k to the next in A; the rows of a tile are neighbours.
  static func multiply(
    rows count: Int, depth: Int, _ a: UnsafePointer<Float>, step aStep: Int, tileStep: Int,
    _ b: UnsafePointer<Float>, step bStep: Int, into c: Floats, stride: Int, accumulate: Bool
  ) {
    if isWide {
      multiply(
        Wide.self, count, depth, a, aStep, rowStep: 1, tileStep, b, bStep, c, stride, accumulate)
    } else if isMedium {
      multiply(
        Medium.self, count, depth, a, aStep, rowStep: 1, tileStep, b, bStep, c, stride, accumulate)
    } else {
      multiply(
        Narrow.self, count, depth, a, aStep, rowStep: 1, tileStep, b, bStep, c, stride, accumulate)
    }
  }

  /// `c[r, :] += sum_k a[r, k] b[k, :]` with A as this type stores it: ``columns`` to a row.
  static func multiplyRows(
    rows count: Int, depth: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, step bStep: Int,
    into c: Floats, stride: Int
  ) {
    if isWide {
      multiply(
        Wide.self, count, depth, a, 1, rowStep: 32, Wide.rows &* 32, b, bStep, c, stride, true)
    } else if isMedium {
      multiply(
        Medium.self, count, depth, a, 1, rowStep: 16, Medium.rows &* 16, b, bStep, c, stride, true)
    } else {
      multiply(
        Narrow.self, count, depth, a, 1, rowStep: 16, Narrow.rows &* 16, b, bStep, c, stride, true)
    }
  }

  @inline(__always)
  private static func multiply<T: Tile>(
    _: T.Type, _ count: Int, _ depth: Int, _ a: UnsafePointer<Float>, _ aStep: Int, rowStep: Int,
    _ tileStep: Int, _ b: UnsafePointer<Float>, _ bStep: Int, _ c: Floats, _ stride: Int, _ accumulate: Bool
  ) {
    var row = 0
    var a = a
    while row < count {
      let c = c + row &* stride
      var sums = accumulate ? T(c, stride: stride) : T()
      sums.addProducts(depth: depth, a, step: aStep, rowStep: rowStep, b, step: bStep)
      sums.put(c, stride: stride)
      row &+= T.rows
      a += tileStep
    }
  }
}

/// One head's columns of the rows of one sequence. Copies of them are rounded to their precision.
struct HeadRows {
  let start: Floats
  let stride: Int
  let count: Int
  let dimension: Int
  private let precision: Precision

  init(
    _ matrix: Matrix, batch: Int, head: Int, length: Int, dimension: Int, precision: Precision = .float32
  ) {
    self.init(
      matrix, batch: batch, column: head * dimension, length: length, dimension: dimension,
      precision: precision)
  }

  /// - Parameter column: where the head's columns begin.
  init(
    _ matrix: Matrix, batch: Int, column: Int, length: Int, dimension: Int, precision: Precision = .float32
  ) {
    start = matrix.floats + (batch * length * matrix.stride + column)
    stride = matrix.stride
    count = length
    self.dimension = dimension
    self.precision = precision
  }

  subscript(row: Int) -> Floats { start + row &* stride }

  /// Panels of `width` rows as `[dimension][width]`, zero beyond the last row, times `scale`.
  func packPanels(_ rows: Range<Int>, width: Int, scale: Float = 1, into panels: Floats) {
    let operand = PackedOperand(
      source: self[rows.lowerBound], stride: stride, innerIsContiguous: true, outer: rows.count,
      precision: precision)
    for panel in 0..<divide(rows.count, width) {
      operand.pack(
        panel: panel, width: width, firstStep: 0, depth: dimension,
        into: panels + panel &* width &* dimension)
    }
    if scale != 1 { multiply(panels, divide(rows.count, width) * width * dimension, by: scale) }
  }

  /// The rows one after another, `width` floats each, zero beyond the dimension, times `scale`.
  func copyRows(_ rows: Range<Int>, width: Int, scale: Float = 1, into copy: Floats) {
    switch precision {
    case .float32: copyRows(Unrounded.self, rows, width, scale, copy)
    case .tf32: copyRows(ToTF32.self, rows, width, scale, copy)
    case .bfloat16: copyRows(ToBFloat16.self, rows, width, scale, copy)
    }
  }

  @inline(__always)
  private func copyRows<R: Rounding>(
    _: R.Type, _ rows: Range<Int>, _ width: Int, _ scale: Float, _ copy: Floats
  ) {
    for row in rows {
      let target = copy + (row &- rows.lowerBound) &* width
      forEachLanes(dimension) { start, count in
        storeLanes(scale * R.round(loadLanes(self[row] + start, count)), target + start, count)
      }
      for column in dimension..<width { target[column] = 0 }
    }
  }

  /// Puts `[dimension][AttentionTile.columns]` back as rows; `scratch` holds a square of columns.
  func unpack(_ panel: Floats, _ rows: Range<Int>, scratch: Floats) {
    let width = AttentionTile.columns
    let operand = PackedOperand(source: panel, stride: width, innerIsContiguous: true, outer: dimension)
    for piece in 0..<divide(dimension, width) {
      operand.pack(panel: piece, width: width, firstStep: 0, depth: width, into: scratch)
      let columns = min(width, dimension &- piece &* width)
      for row in rows {
        (self[row] + piece &* width).update(
          from: scratch + (row &- rows.lowerBound) &* width, count: columns)
      }
    }
  }
}

/// Multiplies floats in place.
func multiply(_ values: Floats, _ count: Int, by factor: Float) {
  forEachLanes(count) { start, count in
    storeLanes(factor * loadLanes(values + start, count), values + start, count)
  }
}

/// The intervals of keys that queries see.
struct KeyRanges {
  let pairs: UnsafePointer<Int32>

  init(_ operation: Attention, batch: Int) {
    pairs = operation.keyRanges.integers + 2 * batch * operation.shape.queryLength
  }

  subscript(query: Int) -> Range<Int> {
    let (first, end) = (Int(pairs[2 &* query]), Int(pairs[2 &* query &+ 1]))
    return first..<max(first, end)
  }

  /// The smallest interval that holds every key some query sees, and the keys that all of them see.
  func extent(_ queries: Range<Int>) -> (some: Range<Int>, all: Range<Int>) {
    var (someFirst, someEnd, allFirst, allEnd) = (Int.max, 0, 0, Int.max)
    for query in queries {
      let keys = self[query]
      allFirst = max(allFirst, keys.lowerBound)
      allEnd = min(allEnd, keys.upperBound)
      guard !keys.isEmpty else { continue }
      someFirst = min(someFirst, keys.lowerBound)
      someEnd = max(someEnd, keys.upperBound)
    }
    return (min(someFirst, someEnd)..<someEnd, allFirst..<max(allFirst, allEnd))
  }
}
