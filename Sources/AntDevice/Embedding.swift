/// `output[r, :] = table[ids[r], :]`: picks rows of a table. With hidden states for a table it gathers the
/// labelled positions.
///
/// Ids outside the table are the caller's mistake; what they give is undefined.
public struct Embedding {
  public let table: Matrix
  /// int32, one a row of the output.
  public let ids: BufferSlice
  public let output: Matrix

  public init(_ table: Matrix, ids: BufferSlice, into output: Matrix) {
    precondition(
      table.columns == output.columns, "Embedding: a table \(table.columns) wide into \(output.columns)")
    require(ids, holds: output.rows, of: .int32, "Embedding ids")
    self.table = table
    self.ids = ids
    self.output = output
  }
}

/// `tableGradient[id, :] += sum of outputGradient[r, :] over the rows r with ids[r] = id`, rows in ascending
/// order: no atomics, so the sum is the same every time.
///
/// The rows of each id are listed by ``EmbeddingRows``, made on the host where the ids come from.
public struct EmbeddingBackward {
  public let outputGradient: Matrix
  public let rows: EmbeddingRows
  public let tableGradient: Matrix

  public init(outputGradient: Matrix, rows: EmbeddingRows, into tableGradient: Matrix) {
    precondition(
      outputGradient.columns == tableGradient.columns && rows.rowCount == outputGradient.rows,
      "EmbeddingBackward: \(outputGradient.rows)x\(outputGradient.columns), \(rows.rowCount) ids, "
        + "a table \(tableGradient.columns) wide")
    self.outputGradient = outputGradient
    self.rows = rows
    self.tableGradient = tableGradient
  }
}

/// For each distinct id, the rows that hold it: `order[starts[u] ..< starts[u + 1]]`, ascending.
public struct EmbeddingRows {
  /// int32, the distinct ids.
  public let ids: BufferSlice
  /// int32, `ids.count + 1`.
  public let starts: BufferSlice
  /// int32, every row once.
  public let order: BufferSlice

  public var idCount: Int { ids.count }
  public var rowCount: Int { order.count }

  /// Sorts `ids` on the host and puts the lists on `device`.
  public init(_ ids: [Int32], on device: any Device) {
    let order = ids.indices.sorted { (ids[$0], $0) < (ids[$1], $1) }
    var distinct: [Int32] = []
    var starts: [Int32] = []
    for (place, row) in order.enumerated() where distinct.last != ids[row] {
      distinct.append(ids[row])
      starts.append(Int32(place))
    }
    starts.append(Int32(order.count))
    self.ids = device.makeList(distinct)
    self.starts = device.makeList(starts)
    self.order = device.makeList(order.map { Int32($0) })
  }
}
