import CAntVectorUnit

/// Register tiles: the sums of a small block of a product, kept in registers while its inner dimension runs by.
///
/// Each step adds the outer product of a column of A (one number a row, broadcast) and a row of B (lanes). A tile
/// is put together from types, `Triple<Pair<Row<TwoLanes>>>` is 6 rows of 32 columns, so that the compiler sees
/// every sum as a value of its own and keeps it in a register.
protocol Tile {
  associatedtype Columns: TileColumns
  static var rows: Int { get }
  init()
  /// Takes up rows `stride` apart.
  init(_ pointer: UnsafePointer<Float>, stride: Int)
  /// Adds `a[row * rowStep] * b` to each row.
  mutating func addProduct(_ a: UnsafePointer<Float>, rowStep: Int, _ b: Columns)
  /// Puts the rows at `pointer`, `stride` apart.
  func put(_ pointer: Floats, stride: Int)
}

/// The columns of one row of a tile.
protocol TileColumns {
  static var count: Int { get }
  init()
  init(_ pointer: UnsafePointer<Float>)
  mutating func addProduct(_ a: Float, _ b: Self)
  func put(_ pointer: Floats)
}

struct OneLanes: TileColumns {
  var values: Lanes

  @inline(__always) static var count: Int { 16 }
  @inline(__always) init() { values = .zero }
  @inline(__always) init(_ pointer: UnsafePointer<Float>) { values = load(pointer) }
  @inline(__always) mutating func addProduct(_ a: Float, _ b: Self) {
    values = multiplyAdd(Lanes(repeating: a), b.values, values)
  }
  @inline(__always) func put(_ pointer: Floats) { store(values, pointer) }
}

struct TwoLanes: TileColumns {
  var low: OneLanes
  var high: OneLanes

  @inline(__always) static var count: Int { 32 }
  @inline(__always) init() { (low, high) = (OneLanes(), OneLanes()) }
  @inline(__always) init(_ pointer: UnsafePointer<Float>) {
    (low, high) = (OneLanes(pointer), OneLanes(pointer + 16))
  }
  @inline(__always) mutating func addProduct(_ a: Float, _ b: Self) {
    low.addProduct(a, b.low)
    high.addProduct(a, b.high)
  }
  @inline(__always) func put(_ pointer: Floats) {
    low.put(pointer)
    high.put(pointer + 16)
  }
}

struct Row<Columns: TileColumns>: Tile {
  var sums: Columns

  @inline(__always) static var rows: Int { 1 }
  @inline(__always) init() { sums = Columns() }
  @inline(__always) init(_ pointer: UnsafePointer<Float>, stride: Int) { sums = Columns(pointer) }
  @inline(__always) mutating func addProduct(_ a: UnsafePointer<Float>, rowStep: Int, _ b: Columns) {
    sums.addProduct(a[0], b)
  }
  @inline(__always) func put(_ pointer: Floats, stride: Int) { sums.put(pointer) }
}

struct Pair<Part: Tile>: Tile {
  var first: Part
  var second: Part

  @inline(__always) static var rows: Int { 2 &* Part.rows }
  @inline(__always) init() { (first, second) = (Part(), Part()) }
  @inline(__always) init(_ pointer: UnsafePointer<Float>, stride: Int) {
    first = Part(pointer, stride: stride)
    second = Part(pointer + Part.rows &* stride, stride: stride)
  }
  @inline(__always)
  mutating func addProduct(_ a: UnsafePointer<Float>, rowStep: Int, _ b: Part.Columns) {
    first.addProduct(a, rowStep: rowStep, b)
    second.addProduct(a + Part.rows &* rowStep, rowStep: rowStep, b)
  }
  @inline(__always) func put(_ pointer: Floats, stride: Int) {
    first.put(pointer, stride: stride)
    second.put(pointer + Part.rows &* stride, stride: stride)
  }
}

struct Triple<Part: Tile>: Tile {
  var first: Pair<Part>
  var third: Part

  @inline(__always) static var rows: Int { 3 &* Part.rows }
  @inline(__always) init() { (first, third) = (Pair(), Part()) }
  @inline(__always) init(_ pointer: UnsafePointer<Float>, stride: Int) {
    first = Pair(pointer, stride: stride)
    third = Part(pointer + 2 &* Part.rows &* stride, stride: stride)
  }
  @inline(__always)
  mutating func addProduct(_ a: UnsafePointer<Float>, rowStep: Int, _ b: Part.Columns) {
    first.addProduct(a, rowStep: rowStep, b)
    third.addProduct(a + 2 &* Part.rows &* rowStep, rowStep: rowStep, b)
  }
  @inline(__always) func put(_ pointer: Floats, stride: Int) {
    first.put(pointer, stride: stride)
    third.put(pointer + 2 &* Part.rows &* stride, stride: stride)
  }
}

extension Tile {
  /// Adds `sum_k a_k b_k`: row r of `a_k` lies at `a + k * aStep + r * rowStep`, `b_k` at `b + k * bStep`.
  @inline(__always)
  mutating func addProducts(
    depth: Int, _ a: UnsafePointer<Float>, step aStep: Int, rowStep: Int = 1, _ b: UnsafePointer<Float>,
    step bStep: Int
  ) {
    var (a, b) = (a, b)
    var rest = depth
    while rest > 0 {
      addProduct(a, rowStep: rowStep, Columns(b))
      a += aStep
      b += bStep
      rest &-= 1
    }
  }
}

/// The largest tile whose sums, and a row of B, fit the machine's registers.
enum MatmulTile {
  typealias Wide = Triple<Pair<Pair<Row<TwoLanes>>>>
  typealias Medium = Triple<Pair<Row<OneLanes>>>
  typealias Narrow = Pair<Row<OneLanes>>

  @inline(__always) static var isWide: Bool { VECTOR_FLOATS == 16 }
  @inline(__always) static var isMedium: Bool { VECTOR_FLOATS == 8 || VECTOR_REGISTERS == 32 }
  @inline(__always) static var rows: Int { isWide ? Wide.rows : isMedium ? Medium.rows : Narrow.rows }
  @inline(__always) static var columns: Int { isWide ? Wide.Columns.count : Medium.Columns.count }
  @inline(__always) static var count: Int { rows * columns }

  /// The product of a panel of A (`[depth, rows]`) and a panel of B (`[depth, columns]`), put into `tile`.
  static func multiply(
    depth: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into tile: Floats
  ) {
    if isWide {
      multiply(Wide.self, depth, a, b, tile)
    } else if isMedium {
      multiply(Medium.self, depth, a, b, tile)
    } else {
      multiply(Narrow.self, depth, a, b, tile)
    }
  }

  @inline(__always)
  private static func multiply<T: Tile>(
    _: T.Type, _ depth: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ tile: Floats
  ) {
    var sums = T()
    sums.addProducts(depth: depth, a, step: T.rows, b, step: T.Columns.count)
    sums.put(tile, stride: T.Columns.count)
  }
}
