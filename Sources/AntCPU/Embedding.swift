import AntDevice

/// Picks rows of a table; backward, adds to each row of the table's gradient the rows that picked it, in
/// ascending order and one task an id, so no two threads meet.
extension CPUDevice {
  public func embedding(_ operation: Embedding) {
    let (table, output) = (operation.table, operation.output)
    guard output.count > 0 else { return }
    command("embedding", floats: 2 * output.count) {
      let (x, y, ids) = (table.floats, output.floats, operation.ids.integers)
      parallel.overRows(output.rows, columns: output.columns) { rows in
        for row in rows {
          let id = Int(ids[row])
          precondition(id >= 0 && id < table.rows, "Embedding: id \(id) in a table of \(table.rows) rows")
          (y + row * output.stride).update(from: x + id * table.stride, count: output.columns)
        }
      }
    }
  }

  public func embedding(_ operation: EmbeddingBackward) {
    let (gradient, table) = (operation.outputGradient, operation.tableGradient)
    guard gradient.count > 0, table.count > 0 else { return }
    command("embedding backward", floats: gradient.count + 2 * operation.rows.idCount * table.columns) {
      let (dy, dx) = (gradient.floats, table.floats)
      let rows = operation.rows
      let (ids, starts, order) = (rows.ids.integers, rows.starts.integers, rows.order.integers)
      parallel(rows.idCount) { index in
        let id = Int(ids[index])
        precondition(
          id >= 0 && id < table.rows, "EmbeddingBackward: id \(id) in a table of \(table.rows) rows")
        let places = Int(starts[index])..<Int(starts[index + 1])
        forEachLanes(table.columns) { start, count in
          // A frequent id has thousands of rows: their sum is taken in two levels.
          var sum = loadLanes(dx + id * table.stride + start, count)
          for block in stride(from: places.lowerBound, to: places.upperBound, by: rowsPerPartialSum) {
            var partial = Lanes.zero
            for place in block..<min(block + rowsPerPartialSum, places.upperBound) {
              partial += loadLanes(dy + Int(order[place]) * gradient.stride + start, count)
            }
            sum += partial
          }
          storeLanes(sum, dx + id * table.stride + start, count)
        }
      }
    }
  }
}
