import AntDevice

extension Tape {
  /// `y[r, :] = table[ids[r], :]`. The gradient's rows are added to the table's, ids in a fixed order.
  public func embedding(_ ids: [Int32], table: Parameter) -> Tensor {
    let output = device.makeMatrix(rows: ids.count, columns: table.value.columns)
    device.embedding(Embedding(table.value, ids: device.makeList(ids), into: output))
    let result = Tensor(output)
    guard let tableGradient = table.gradient else { return result }
    record { [device, dy = result.gradient] in
      guard let dy = dy.take() else { return }
      let rows = EmbeddingRows(ids, on: device)
      device.embedding(EmbeddingBackward(outputGradient: dy, rows: rows, into: tableGradient))
    }
    return result
  }

  /// `y[i, :] = x[rows[i], :]`: the positions a head reads. Rows that are not picked get a gradient of zero.
  public func gather(_ input: Tensor, rows: [Int32]) -> Tensor {
    let output = device.makeMatrix(
      rows: rows.count, columns: input.columns, room: Buffer.room(for: rows.count))
    device.embedding(Embedding(input.value, ids: device.makeList(rows), into: output))
    let result = Tensor(output)
    record { [device, dy = result.gradient, dx = input.gradient, height = input.rows] in
      guard let dy = dy.take() else { return }
      dx.contribute(rows: height, columns: dy.columns, on: device) { dx, accumulate in
        if !accumulate { device.elementwise(Fill(dx.storage, with: 0)) }
        device.embedding(
          EmbeddingBackward(outputGradient: dy, rows: EmbeddingRows(rows, on: device), into: dx))
      }
    }
    return result
  }
}
