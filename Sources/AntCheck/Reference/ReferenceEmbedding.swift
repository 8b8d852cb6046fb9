import AntDevice

/// Picks rows of a table, and adds gradients back to the rows they were picked from.
extension ReferenceDevice {
  public func embedding(_ operation: Embedding) {
    guard operation.output.columns > 0, operation.output.rows > 0 else { return }
    let (table, output) = (operation.table.reference(), operation.output.reference())
    for row in 0..<operation.output.rows {
      let id = Int(operation.ids.integers[row])
      for column in 0..<operation.output.columns { output[row, column] = table[id, column] }
    }
  }

  public func embedding(_ operation: EmbeddingBackward) {
    guard operation.outputGradient.columns > 0, operation.rows.rowCount > 0 else { return }
    let gradient = operation.outputGradient.reference()
    let table = operation.tableGradient.reference()
    let (ids, starts, order) = (operation.rows.ids, operation.rows.starts, operation.rows.order)
    for index in 0..<operation.rows.idCount {
      let id = Int(ids.integers[index])
      for place in starts.integers[index]..<starts.integers[index + 1] {
        let row = Int(order.integers[Int(place)])
        for column in 0..<gradient.columns { table[id, column] += gradient[row, column] }
      }
    }
  }
}
