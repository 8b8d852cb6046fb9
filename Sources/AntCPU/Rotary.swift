import AntDevice

/// Turns each pair (c, c + h) of a head by its position's angle, read from the table of cosines and sines.
extension CPUDevice {
  public func rotary(_ operation: Rotary) {
    let values = operation.values
    guard values.count > 0 else { return }
    command("rotary", floats: 2 * values.count) {
      let half = operation.headDimension / 2
      let (x, table) = (values.floats, operation.table.floats)
      let positions = operation.positions.integers
      let direction: Float = operation.inverse ? -1 : 1
      parallel.overRows(values.rows, columns: values.columns) { rows in
        for row in rows {
          let position = Int(positions[row])
          precondition(
            position >= 0 && position < operation.table.rows,
            "Rotary: position \(position) in a table of \(operation.table.rows)")
          let cosines = table + position * operation.headDimension
          for head in 0..<operation.heads {
            let low = x + row * values.stride + head * operation.headDimension
            forEachLanes(half) { start, count in
              let cosine = loadLanes(cosines + start, count)
              let sine = direction * loadLanes(cosines + half + start, count)
              let a = loadLanes(low + start, count)
              let b = loadLanes(low + half + start, count)
              storeLanes(a * cosine - b * sine, low + start, count)
              storeLanes(b * cosine + a * sine, low + half + start, count)
            }
          }
        }
      }
    }
  }
}
