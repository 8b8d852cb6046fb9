import AntDevice

/// One weight matrix (or vector, as a single row) and where its gradient is summed; nil where it is not
/// trained.
public struct Parameter {
  public let value: Matrix
  public let gradient: Matrix?

  public init(value: Matrix, gradient: Matrix? = nil) {
    self.value = value
    self.gradient = gradient
  }

  /// Some of the rows.
  public func rows(_ range: Range<Int>) -> Parameter {
    Parameter(value: value.rows(range), gradient: gradient?.rows(range))
  }

  /// Some of the elements of a vector.
  public func elements(_ range: Range<Int>) -> Parameter {
    Parameter(value: value.columns(range), gradient: gradient?.columns(range))
  }

  /// The elements of a vector.
  public var vector: BufferSlice { value.storage.prefix(value.rows * value.columns) }
}

/// All parameters of a model in one flat buffer, and their gradients in another of the same layout.
///
///     | decaying segments (matrices) ............ | others (norms, biases) ... |
///     0          each begins at a multiple of 64  decayedCount               count
///
/// so that one launch clips, updates or reduces them all. The gaps hold zeros and stay zero. The order is
/// that of the declarations, those that decay first.
public final class Parameters {
  public static let alignment = 64

  /// The next place where a segment may begin.
  static func aligned(_ end: Int) -> Int { (end + alignment - 1) / alignment * alignment }

  /// A named stretch of the flat buffer.
  public struct Segment: Equatable, Sendable {
    /// A tensor as a checkpoint names it: `rows` consecutive rows of the segment.
    public struct Part: Equatable, Sendable {
      public var name: String
      /// Elements, where the segment is a vector.
      public var rows: Int

      public init(_ name: String, rows: Int) {
        self.name = name
        self.rows = rows
      }
    }

    public let name: String
    /// `[rows, columns]`, or `[count]` for a vector.
    public let shape: [Int]
    /// The tensors stacked in this segment, top to bottom: one, or several whose products one matmul
    /// computes.
    public let parts: [Part]
    /// Whether weight decay applies.
    public let decays: Bool
    /// Whether it is a matrix between two layers of the model, rather than an embedding, a head or a vector: those that
    /// ``MuonRule`` makes orthogonal steps for.
    public let isHidden: Bool
    /// First element in the flat buffer; set when the buffer is laid out.
    public fileprivate(set) var offset = 0

    public var count: Int { shape.reduce(1, *) }
    public var range: Range<Int> { offset..<offset + count }
    public var columns: Int { shape.last ?? 1 }
    /// A vector is one row.
    public var rows: Int { shape.count == 2 ? shape[0] : 1 }

    /// A matrix. Without parts it is one tensor under its own name.
    public static func matrix(
      _ name: String, rows: Int, columns: Int, parts: [Part] = [], decays: Bool = true,
      isHidden: Bool = false
    ) -> Segment {
      precondition(
        parts.isEmpty || parts.reduce(0) { $0 + $1.rows } == rows,
        "Parameters: the parts of \(name) do not add up to \(rows) rows")
      return Segment(
        name: name, shape: [rows, columns], parts: parts.isEmpty ? [Part(name, rows: rows)] : parts,
        decays: decays, isHidden: isHidden)
    }

    /// A norm's weight or a bias; it does not decay.
    public static func vector(_ name: String, count: Int, parts: [Part] = []) -> Segment {
      precondition(
        parts.isEmpty || parts.reduce(0) { $0 + $1.rows } == count,
        "Parameters: the parts of \(name) do not add up to \(count)")
      return Segment(
        name: name, shape: [count], parts: parts.isEmpty ? [Part(name, rows: count)] : parts, decays: false,
        isHidden: false)
    }

    private init(name: String, shape: [Int], parts: [Part], decays: Bool, isHidden: Bool) {
      self.name = name
      self.shape = shape
      self.parts = parts
      self.decays = decays
      self.isHidden = isHidden
    }

    /// Each part with its shape and its range in the flat buffer.
    public var tensors: [(name: String, shape: [Int], range: Range<Int>)] {
      var start = offset
      return parts.map { part in
        let shape = shape.count == 1 ? [part.rows] : [part.rows, columns]
        defer { start += shape.reduce(1, *) }
        return (part.name, shape, start..<start + shape.reduce(1, *))
      }
    }
  }

  public let device: any Device
  /// In the order of the flat buffer.
  public let segments: [Segment]
  /// Elements of the flat buffer, gaps included.
  public let count: Int
  /// The elements before this one decay.
  public let decayedCount: Int
  public let values: BufferSlice
  /// Nil until ``makeGradients()``.
  public private(set) var gradients: BufferSlice?
  private let places: [String: Int]

  /// Lays the segments out and fills the buffer with zeros.
  public init(_ declarations: [Segment], on device: any Device) {
    var segments = declarations.filter(\.decays) + declarations.filter { !$0.decays }
    var end = 0
    var decayedCount = 0
    for index in segments.indices {
      segments[index].offset = end
      end = Self.aligned(end + segments[index].count)
      if segments[index].decays { decayedCount = end }
    }
    self.device = device
    self.segments = segments
    self.count = end
    self.decayedCount = decayedCount
    values = device.makeBuffer(.float32, count: end)[...]
    places = Dictionary(uniqueKeysWithValues: segments.indices.map { (segments[$0].name, $0) })
    device.elementwise(Fill(values, with: 0))
  }

  /// How many numbers the model has, gaps not counted.
  public var parameterCount: Int { segments.reduce(0) { $0 + $1.count } }

  /// The parameter called `name`, which must have been declared.
  public subscript(name: String) -> Parameter {
    guard let place = places[name] else { preconditionFailure("Parameters: no segment '\(name)'") }
    let segment = segments[place]
    func matrix(_ flat: BufferSlice) -> Matrix {
      Matrix(flat[segment.range], rows: segment.rows, columns: segment.columns)
    }
    return Parameter(value: matrix(values), gradient: gradients.map(matrix))
  }

  /// Makes room for gradients, zero. From now on backward adds to them.
  public func makeGradients() {
    if gradients == nil { gradients = device.makeBuffer(.float32, count: count)[...] }
    zeroGradients()
  }

  /// Begins a new sum of gradients; nothing happens where there are none.
  public func zeroGradients() {
    if let gradients { device.elementwise(Fill(gradients, with: 0)) }
  }

  /// Every element of the flat buffer; ``Segment/tensors`` says what lies where.
  public func read() throws -> [Float] { try device.read(values) }

  /// Replaces every element of the flat buffer.
  public func write(_ flat: [Float]) {
    precondition(flat.count == count, "Parameters: \(flat.count) values for \(count)")
    device.write(flat, to: values)
  }
}
