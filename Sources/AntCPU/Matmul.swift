import AntDevice

/// `C = A' B' [+ C] [+ bias] [+ residual]`: both operands are packed into panels, then register tiles run over
/// them (Goto & van de Geijn 2008). Transposes are a matter of packing, and so is rounding to less than float32.
///
/// The inner dimension is cut into equal runs of at most ``MatmulPlan/maximumDepth``; each run packs the whole of
/// both operands, then blocks of C are tasks. A block's panels of B stay in the level-1 cache while its panels
/// of A come from level 2.
extension CPUDevice {
  public func matmul(_ operation: Matmul) {
    let plan = MatmulPlan(operation)
    guard plan.m > 0, plan.n > 0 else { return }
    let name = "matmul \(operation.transposeA ? "T" : "N")\(operation.transposeB ? "T" : "N")"
    command(
      name, operations: 2 * operation.batch * plan.m * plan.n * plan.k,
      floats: operation.batch * (plan.m * plan.k + plan.k * plan.n + plan.m * plan.n)
    ) {
      // Many small products: one a task. Few: the tasks are inside each.
      let products = MatmulProducts(operation)
      if plan.m <= MatmulPlan.unpackedRows {
        for index in 0..<operation.batch { multiplyUnpacked(products[index], plan) }
      } else if operation.batch >= 8 {
        let workers = min(parallel.threads, operation.batch)
        withScratch(workers * plan.scratchFloats) { scratch in
          parallel(workers: workers, operation.batch) { worker, index in
            plan.run(
              products[index], Parallel(threads: 1), scratch: scratch + worker * plan.scratchFloats)
          }
        }
      } else {
        withScratch(plan.scratchFloats) { scratch in
          for index in 0..<operation.batch { plan.run(products[index], parallel, scratch: scratch) }
        }
      }
    }
  }
}

/// The operands of one product of a batch.
struct MatmulProduct {
  let a: PackedOperand
  let b: PackedOperand
  let c: Floats
  let stride: Int
  let bias: Floats?
  let residual: Floats?
  let accumulate: Bool
  /// Only what lies on and below the diagonal is multiplied.
  let symmetric: Bool
}

private struct MatmulProducts {
  let operation: Matmul
  let a: UnsafePointer<Float>
  let b: UnsafePointer<Float>

  init(_ operation: Matmul) {
    self.operation = operation
    // With an inner dimension of 0 there may be no memory to point to, and none is read.
    let c = operation.c.floats
    a = UnsafePointer(operation.k > 0 ? operation.a.floats : c)
    b = UnsafePointer(operation.k > 0 ? operation.b.floats : c)
  }

  subscript(index: Int) -> MatmulProduct {
    MatmulProduct(
      a: PackedOperand(
        source: a + index * operation.batchStrideA, stride: operation.a.stride,
        innerIsContiguous: !operation.transposeA, outer: operation.m, precision: operation.precision),
      b: PackedOperand(
        source: b + index * operation.batchStrideB, stride: operation.b.stride,
        innerIsContiguous: operation.transposeB, outer: operation.n, precision: operation.precision),
      c: operation.c.floats + index * operation.batchStrideC, stride: operation.c.stride,
      bias: operation.bias?.floats,
      residual: operation.residual.map { $0.floats + index * operation.batchStrideC },
      accumulate: operation.accumulate, symmetric: operation.symmetric)
  }
}

/// How a product of one shape is divided.
struct MatmulPlan {
  /// Up to so many rows, packing would cost more than it saves.
  static let unpackedRows = 8
  static let maximumDepth = 384
  static let rowsPerBlock = 96
  static let columnsPerBlock = 256

  let m, n, k: Int
  /// Panels of A and of B.
  let rowPanels, columnPanels: Int
  /// Runs of the inner dimension, and the length of all but the last.
  let runs, depth: Int
  /// Blocks of C, in panels.
  let blockRows, blockColumns: Int

  init(_ operation: Matmul) {
    (m, n, k) = (operation.m, operation.n, operation.k)
    rowPanels = divide(m, MatmulTile.rows)
    columnPanels = divide(n, MatmulTile.columns)
    let pieces = max(1, divide(k, Self.maximumDepth))
    depth = max(1, divide(divide(k, pieces), 16) * 16)
    runs = max(1, divide(k, depth))
    let rowBlocks = divide(rowPanels * MatmulTile.rows, Self.rowsPerBlock)
    let columnBlocks = divide(columnPanels * MatmulTile.columns, Self.columnsPerBlock)
    blockRows = divide(rowPanels, max(1, rowBlocks))
    blockColumns = divide(columnPanels, max(1, columnBlocks))
  }

  var scratchFloats: Int {
    (rowPanels * MatmulTile.rows + columnPanels * MatmulTile.columns) * depth
  }

  func run(_ product: MatmulProduct, _ parallel: Parallel, scratch: Floats) {
    let packedA = scratch
    let packedB = scratch + rowPanels * MatmulTile.rows * depth
    for run in 0..<runs {
      let firstStep = run * depth
      let depth = min(depth, k - firstStep)
      let rowTasks = divide(rowPanels, panelsPerTask(MatmulTile.rows))
      let columnTasks = divide(columnPanels, panelsPerTask(MatmulTile.columns))
      parallel(rowTasks + columnTasks) { task in
        if task < rowTasks {
          for panel in range(task, panelsPerTask(MatmulTile.rows), rowPanels) {
            product.a.pack(
              panel: panel, width: MatmulTile.rows, firstStep: firstStep, depth: depth,
              into: packedA + panel &* MatmulTile.rows &* depth)
          }
        } else {
          for panel in range(task - rowTasks, panelsPerTask(MatmulTile.columns), columnPanels) {
            product.b.pack(
              panel: panel, width: MatmulTile.columns, firstStep: firstStep, depth: depth,
              into: packedB + panel &* MatmulTile.columns &* depth)
          }
        }
      }
      let rowBlocks = divide(rowPanels, blockRows)
      parallel(rowBlocks * divide(columnPanels, blockColumns)) { task in
        block(
          product, range(task % rowBlocks, blockRows, rowPanels),
          range(task / rowBlocks, blockColumns, columnPanels), depth, packedA, packedB, isFirst: run == 0)
      }
    }
    if product.symmetric { mirror(product, parallel) }
  }

  /// Copies what lies below the diagonal above it, square by square.
  private func mirror(_ product: MatmulProduct, _ parallel: Parallel) {
    let side = 32
    parallel(divide(m, side)) { task in
      for first in stride(from: 0, through: task * side, by: side) {
        for row in task * side..<min((task + 1) * side, m) {
          for column in first..<min(first + side, row) {
            product.c[column &* product.stride &+ row] = product.c[row &* product.stride &+ column]
          }
        }
      }
    }
  }

  /// One block of C over one run of the inner dimension.
  private func block(
    _ product: MatmulProduct, _ rowPanels: Range<Int>, _ columnPanels: Range<Int>, _ depth: Int,
    _ packedA: Floats, _ packedB: Floats, isFirst: Bool
  ) {
    withUnsafeTemporaryAllocation(byteCount: 4 * MatmulTile.count, alignment: 64) { memory in
      let tile = memory.baseAddress!.assumingMemoryBound(to: Float.self)
      for columnPanel in columnPanels {
        let b = packedB + columnPanel &* MatmulTile.columns &* depth
        let column = columnPanel &* MatmulTile.columns
        for rowPanel in rowPanels {
          if product.symmetric, (rowPanel &+ 1) &* MatmulTile.rows <= column { continue }
          MatmulTile.multiply(
            depth: depth, packedA + rowPanel &* MatmulTile.rows &* depth, b, into: tile)
          let row = rowPanel &* MatmulTile.rows
          finish(
            product, tile, stride: MatmulTile.columns, rows: row..<min(row &+ MatmulTile.rows, m),
            columns: column..<min(column &+ MatmulTile.columns, n), isFirst: isFirst)
        }
      }
    }
  }

  /// Adds what else goes into C: the first run replaces or accumulates, with bias and residual; later runs add.
  func finish(
    _ product: MatmulProduct, _ tile: Floats, stride: Int, rows: Range<Int>, columns: Range<Int>,
    isFirst: Bool
  ) {
    let accumulate = product.accumulate || !isFirst
    for row in rows {
      let offset = row &* product.stride &+ columns.lowerBound
      let c = product.c + offset
      let tile = tile + (row &- rows.lowerBound) &* stride
      forEachLanes(columns.count) { start, count in
        var value = load(tile + start)
        if accumulate { value += loadLanes(c + start, count) }
        if isFirst, let bias = product.bias {
          value += loadLanes(bias + (columns.lowerBound &+ start), count)
        }
        if isFirst, let residual = product.residual {
          value += loadLanes(residual + (offset &+ start), count)
        }
        storeLanes(value, c + start, count)
      }
    }
  }

  /// Panels that one packing task packs.
  private func panelsPerTask(_ width: Int) -> Int { max(1, 32_768 / (width * depth)) }
}

/// Rounded up.
func divide(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }

/// The `index`-th piece of `size` of `0 ..< count`.
private func range(_ index: Int, _ size: Int, _ count: Int) -> Range<Int> {
  index * size..<min((index + 1) * size, count)
}
