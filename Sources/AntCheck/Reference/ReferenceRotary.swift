import AntDevice

/// Turns the pair (c, c + h) of each head by the row's angle, or back.
extension ReferenceDevice {
  public func rotary(_ operation: Rotary) {
    guard operation.values.rows > 0, operation.values.columns > 0 else { return }
    let half = operation.headDimension / 2
    let (values, table) = (operation.values.reference(), operation.table.reference())
    for row in 0..<operation.values.rows {
      let position = Int(operation.positions.integers[row])
      for head in 0..<operation.heads {
        for c in 0..<half {
          let first = head * operation.headDimension + c
          let (a, b) = (values[row, first], values[row, first + half])
          let cosine = table[position, c]
          let sine = (operation.inverse ? -1.0 : 1.0) * table[position, c + half]
          values[row, first] = a * cosine - b * sine
          values[row, first + half] = b * cosine + a * sine
        }
      }
    }
  }
}
