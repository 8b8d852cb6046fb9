import AntDevice
import RealModule

/// `loss = log sum exp(x) - x[label]`, and its weighted gradient, z-loss included, in the same visit of a row.
extension CPUDevice {
  public func crossEntropy(_ operation: CrossEntropy) {
    let (logits, gradient) = (operation.logits, operation.gradient)
    guard logits.rows > 0 else { return }
    command("crossEntropy", floats: logits.count * (gradient == nil ? 1 : 2)) {
      let (x, dx) = (logits.count > 0 ? logits.floats : nil, logits.count > 0 ? gradient?.floats : nil)
      let (labels, losses) = (operation.labels.integers, operation.losses.floats)
      let weights = operation.weights?.floats
      parallel.overRows(logits.rows, columns: logits.columns) { rows in
        for row in rows {
          let dx = dx.map { $0 + row * gradient!.stride }
          guard labels[row] >= 0, let x else {
            losses[row] = 0
            if let dx { dx.update(repeating: 0, count: logits.columns) }
            continue
          }
          losses[row] = crossEntropyRow(
            x + row * logits.stride, logits.columns, label: Int(labels[row]), gradient: dx,
            scale: operation.scale, weight: weights?[row] ?? 1, zLoss: operation.zLoss)
        }
      }
    }
  }
}

/// The loss of one row. `gradient` may be the row itself.
private func crossEntropyRow(
  _ x: Floats, _ columns: Int, label: Int, gradient: Floats?, scale: Float, weight: Float, zLoss: Float
) -> Float {
  precondition(label < columns, "CrossEntropy: label \(label) of \(columns) columns")
  let largest = largestElement(x, columns)
  let own = x[label]
  var sums = Lanes.zero
  forEachLanes(columns) { start, count in
    let value = exponential(loadLanes(x + start, count) - largest)
    if let gradient { storeLanes(value, gradient + start, count) }
    sums += firstLanes(value, count, otherwise: 0)
  }
  let sum = sums.total
  if let gradient {
    let pull = scale * weight
    let factor = pull * (1 + 2 * zLoss * (Float.log(sum) + largest)) / sum
    forEachLanes(columns) { start, count in
      storeLanes(loadLanes(gradient + start, count) * factor, gradient + start, count)
    }
    gradient[label] -= pull
  }
  return weight * (Float.log(sum) + (largest - own))
}
