import AntDevice

/// `y = x^ weight + bias` a row, x^ the row centred (layer) and divided by its standard deviation or its rms.
extension CPUDevice {
  public func normalization(_ operation: Normalization) {
    let (input, output) = (operation.input, operation.output)
    guard input.count > 0 else { return }
    command("normalization \(operation.kind)", floats: 2 * input.count) {
      let (x, y) = (input.floats, output.floats)
      let (weight, bias) = (operation.weight?.floats, operation.bias?.floats)
      let (heads, width) = (operation.heads, operation.width)
      parallel.overRows(input.rows * heads, columns: width) { rows in
        for row in rows {
          let x = x + input.offset(ofHead: row, of: heads)
          let y = y + output.offset(ofHead: row, of: heads)
          let (mean, reciprocal) = statistics(x, width, operation.kind, operation.epsilon)
          forEachLanes(width) { start, count in
            var value = (loadLanes(x + start, count) - mean) * reciprocal
            if let weight { value *= loadLanes(weight + start, count) }
            if let bias { value += loadLanes(bias + start, count) }
            storeLanes(value, y + start, count)
          }
        }
      }
    }
  }

  /// `dx = r (g - [mean(g)] - x^ mean(g x^))`, `dweight += sum dy x^`, `dbias += sum dy`.
  ///
  /// The parameters' gradients are summed in two levels: over the rows of a task, then over tasks in order.
  public func normalization(_ operation: NormalizationBackward) {
    let (rows, columns) = (operation.input.rows * operation.heads, operation.width)
    guard operation.input.count > 0 else { return }
    command("normalization \(operation.kind) backward", floats: 3 * operation.input.count) {
      let tasks = (rows + rowsPerPartialSum - 1) / rowsPerPartialSum
      withScratch(2 * tasks * columns) { scratch in
        parallel(tasks) { task in
          let rows = task * rowsPerPartialSum..<min((task + 1) * rowsPerPartialSum, rows)
          backward(operation, rows, weightPartial: scratch + 2 * task * columns)
        }
        for (part, gradient) in [operation.weightGradient, operation.biasGradient].enumerated() {
          guard let gradient = gradient?.floats else { continue }
          addPartialSums(
            scratch + part * columns, stride: 2 * columns, count: tasks, columns, to: gradient,
            accumulate: true)
        }
      }
    }
  }

  /// Some rows: their input gradients, and what they add to the weight's and (behind it) the bias's gradient.
  private func backward(_ operation: NormalizationBackward, _ rows: Range<Int>, weightPartial: Floats) {
    let (input, columns, heads) = (operation.input, operation.width, operation.heads)
    let (dyMatrix, dxMatrix) = (operation.outputGradient, operation.inputGradient)
    let weight = operation.weight?.floats
    let biasPartial = weightPartial + columns
    weightPartial.update(repeating: 0, count: 2 * columns)
    for row in rows {
      let x = input.floats + input.offset(ofHead: row, of: heads)
      let dy = dyMatrix.floats + dyMatrix.offset(ofHead: row, of: heads)
      let dx = dxMatrix.floats + dxMatrix.offset(ofHead: row, of: heads)
      let (mean, reciprocal) = statistics(x, columns, operation.kind, operation.epsilon)
      var gradients = Lanes.zero
      var products = Lanes.zero
      forEachLanes(columns) { start, count in
        let normalized = firstLanes((loadLanes(x + start, count) - mean) * reciprocal, count, otherwise: 0)
        let dy = loadLanes(dy + start, count)
        let g = weight.map { dy * loadLanes($0 + start, count) } ?? dy
        gradients += g
        products = fused(g, normalized, products)
        let weightSum = fused(dy, normalized, loadLanes(weightPartial + start, count))
        storeLanes(weightSum, weightPartial + start, count)
        storeLanes(loadLanes(biasPartial + start, count) + dy, biasPartial + start, count)
      }
      let meanGradient = operation.kind == .layer ? gradients.total / Float(columns) : 0
      let meanProduct = products.total / Float(columns)
      forEachLanes(columns) { start, count in
        let normalized = (loadLanes(x + start, count) - mean) * reciprocal
        let dy = loadLanes(dy + start, count)
        let g = weight.map { dy * loadLanes($0 + start, count) } ?? dy
        var gradient = reciprocal * (g - meanGradient - normalized * meanProduct)
        if operation.accumulate { gradient += loadLanes(dx + start, count) }
        storeLanes(gradient, dx + start, count)
      }
    }
  }
}

extension Matrix {
  /// Where part `number` begins, counted over all rows of `heads` parts.
  fileprivate func offset(ofHead number: Int, of heads: Int) -> Int {
    heads == 1 ? number * stride : number / heads * stride + number % heads * (columns / heads)
  }
}

/// A row's mean (0 for rms) and one over its standard deviation (its rms).
@inline(__always)
private func statistics(
  _ x: Floats, _ columns: Int, _ kind: Normalization.Kind, _ epsilon: Float
) -> (mean: Float, reciprocal: Float) {
  var mean: Float = 0
  if kind == .layer {
    var sums = Lanes.zero
    forEachLanes(columns) { start, count in sums += loadLanes(x + start, count) }
    mean = sums.total / Float(columns)
  }
  var squares = Lanes.zero
  forEachLanes(columns) { start, count in
    let deviation = firstLanes(loadLanes(x + start, count) - mean, count, otherwise: 0)
    squares = multiplyAdd(deviation, deviation, squares)
  }
  return (mean, 1 / (squares.total / Float(columns) + epsilon).squareRoot())
}
