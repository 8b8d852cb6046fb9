import AntDevice

/// Rows summed one after another before a partial sum is put away.
let rowsPerPartialSum = 64

/// Sums in two levels, so that rounding errors stay those of short sums: floats by lanes inside a block of
/// elements, doubles over the blocks, both in order.
extension CPUDevice {
  public func reduction(_ operation: Reduction) {
    command("reduction", floats: operation.count) {
      let output = operation.output.floats
      let x = operation.count > 0 ? operation.input.floats : output
      let blocks = (operation.count + reductionBlock - 1) / reductionBlock
      withScratch(2 * blocks) { scratch in
        scratch.withMemoryRebound(to: Double.self, capacity: blocks) { sums in
          parallel(blocks) { block in
            let start = block * reductionBlock
            let count = min(reductionBlock, operation.count - start)
            sums[block] =
              operation.kind == .sum
              ? blockSum(x + start, count) { $0 } : blockSum(x + start, count) { $0 * $0 }
          }
          var sum = operation.accumulate ? Double(output[0]) : 0
          for block in 0..<blocks { sum += sums[block] }
          output[0] = Float(sum)
        }
      }
    }
  }

  /// `output[c] [+]= sum_r input[r, c]`.
  public func reduction(_ operation: ColumnSum) {
    let input = operation.input
    guard input.columns > 0 else { return }
    command("columnSum", floats: input.count) {
      let tasks = (input.rows + rowsPerPartialSum - 1) / rowsPerPartialSum
      withScratch(tasks * input.columns) { scratch in
        parallel(tasks) { task in
          let partial = scratch + task * input.columns
          partial.update(repeating: 0, count: input.columns)
          for row in task * rowsPerPartialSum..<min((task + 1) * rowsPerPartialSum, input.rows) {
            let x = input.floats + row * input.stride
            forEachLanes(input.columns) { start, count in
              storeLanes(
                loadLanes(partial + start, count) + loadLanes(x + start, count), partial + start, count)
            }
          }
        }
        addPartialSums(
          scratch, stride: input.columns, count: tasks, input.columns, to: operation.output.floats,
          accumulate: operation.accumulate)
      }
    }
  }
}

/// Elements of one block of a reduction.
private let reductionBlock = 16_384

/// The sum of `value(x)`, over four accumulators of lanes and runs of 1024 elements.
@inline(__always)
private func blockSum(_ x: Floats, _ count: Int, _ value: (Lanes) -> Lanes) -> Double {
  var sum = 0.0
  for start in stride(from: 0, to: count, by: 1024) {
    let x = x + start
    let run = min(1024, count - start)
    var (a, b, c, d) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
    var index = 0
    while index + 64 <= run {
      a += value(load(x + index))
      b += value(load(x + index + 16))
      c += value(load(x + index + 32))
      d += value(load(x + index + 48))
      index += 64
    }
    forEachLanes(run - index) { a += value(loadLanes(x + index + $0, $1)) }
    sum += Double(((a + b) + (c + d)).total)
  }
  return sum
}

/// `output[c] [+]= sum_p partial[p, c]`, the partial sums in order.
func addPartialSums(
  _ partial: Floats, stride: Int, count: Int, _ columns: Int, to output: Floats, accumulate: Bool
) {
  forEachLanes(columns) { start, width in
    var sum = Lanes.zero
    for index in 0..<count { sum += loadLanes(partial + index * stride + start, width) }
    if accumulate { sum += loadLanes(output + start, width) }
    storeLanes(sum, output + start, width)
  }
}
