import AntDevice

/// `y = exp(scale x - max) / sum` a row, three passes over a row that stays in cache; sums by lanes, then by halves.
extension CPUDevice {
  public func softmax(_ operation: Softmax) {
    let (input, output, scale) = (operation.input, operation.output, operation.scale)
    guard input.count > 0 else { return }
    command("softmax", floats: 2 * input.count) {
      let (x, y) = (input.floats, output.floats)
      parallel.overRows(input.rows, columns: input.columns) { rows in
        for row in rows {
          softmaxRow(x + row * input.stride, into: y + row * output.stride, input.columns, scale: scale)
        }
      }
    }
  }

  /// `dx = scale y (dy - sum dy y)`.
  public func softmax(_ operation: SoftmaxBackward) {
    let (output, outputGradient) = (operation.output, operation.outputGradient)
    let (inputGradient, scale) = (operation.inputGradient, operation.scale)
    guard output.count > 0 else { return }
    command("softmax backward", floats: 3 * output.count) {
      let (y, dy, dx) = (output.floats, outputGradient.floats, inputGradient.floats)
      parallel.overRows(output.rows, columns: output.columns) { rows in
        for row in rows {
          let y = y + row * output.stride
          let dy = dy + row * outputGradient.stride
          let dx = dx + row * inputGradient.stride
          var products = Lanes.zero
          forEachLanes(output.columns) { start, count in
            products = fused(loadLanes(y + start, count), loadLanes(dy + start, count), products)
          }
          let dot = products.total
          forEachLanes(output.columns) { start, count in
            let gradient = scale * loadLanes(y + start, count) * (loadLanes(dy + start, count) - dot)
            storeLanes(gradient, dx + start, count)
          }
        }
      }
    }
  }
}

/// One row; a row of minus infinities gives zeros.
private func softmaxRow(_ x: Floats, into y: Floats, _ columns: Int, scale: Float) {
  let largest = largestElement(x, columns, scale: scale)
  let shift = largest == -.infinity ? 0 : largest
  var sums = Lanes.zero
  forEachLanes(columns) { start, count in
    let value = exponential(scale * loadLanes(x + start, count, padding: 0) - shift)
    storeLanes(value, y + start, count)
    sums += firstLanes(value, count, otherwise: 0)
  }
  let sum = sums.total
  let factor = sum == 0 ? 0 : 1 / sum
  forEachLanes(columns) { start, count in
    storeLanes(loadLanes(y + start, count) * factor, y + start, count)
  }
}

/// `max scale x[i]`, minus infinity of nothing.
func largestElement(_ x: Floats, _ count: Int, scale: Float = 1) -> Float {
  var largest = Lanes(repeating: -.infinity)
  forEachLanes(count) { start, count in
    let value = scale * loadLanes(x + start, count, padding: 0)
    largest = maximum(firstLanes(value, count, otherwise: -.infinity), largest)
  }
  return largest.largest
}
