/// Products of a few rows, as in generation: B is read once, from where it lies, and sets the pace.
///
///     B as is        [k, n]: the rows of A, packed as `[k][rows]`, times strips of 32 or 16 columns of B
///     B transposed   [n, k]: dot products, two rows of A with four of B at a time
///
/// Below float32, dot products round as they load, and strips are copied first, which rounds them.
extension CPUDevice {
  func multiplyUnpacked(_ product: MatmulProduct, _ plan: MatmulPlan) {
    switch product.b.precision {
    case .float32: multiplyUnpacked(Unrounded.self, product, plan)
    case .tf32: multiplyUnpacked(ToTF32.self, product, plan)
    case .bfloat16: multiplyUnpacked(ToBFloat16.self, product, plan)
    }
  }

  private func multiplyUnpacked<R: Rounding>(_: R.Type, _ product: MatmulProduct, _ plan: MatmulPlan) {
    let strip = AttentionTile.columns
    let tileRows = AttentionTile.wholeRows(plan.m)
    let strips = divide(plan.n, strip)
    let stripsPerTask = max(1, elementsPerTask / (strip * max(1, plan.k)))
    // Rows of A; the last strip of B where it is not whole.
    withScratch(tileRows * plan.k + strip * plan.k) { scratch in
      let edge = scratch + tileRows * plan.k
      let a = product.a
      if product.b.innerIsContiguous {
        for row in 0..<plan.m {
          for k in 0..<plan.k {
            scratch[row * plan.k + k] = R.round(
              a.source[a.innerIsContiguous ? row * a.stride + k : k * a.stride + row])
          }
        }
      } else {
        for panel in 0..<tileRows / AttentionTile.rows {
          a.pack(
            panel: panel, width: AttentionTile.rows, firstStep: 0, depth: plan.k,
            into: scratch + panel * AttentionTile.rows * plan.k)
        }
        if plan.n % strip > 0 {
          product.b.pack(panel: strips - 1, width: strip, firstStep: 0, depth: plan.k, into: edge)
        }
      }
      let copies = R.self != Unrounded.self && !product.b.innerIsContiguous
      parallel(divide(strips, stripsPerTask)) { task in
        let floats = strip * (tileRows + (copies ? plan.k : 0))
        withUnsafeTemporaryAllocation(byteCount: 4 * floats, alignment: 64) { memory in
          let tile = memory.baseAddress!.assumingMemoryBound(to: Float.self)
          let copy = tile + strip * tileRows
          for index in task * stripsPerTask..<min((task + 1) * stripsPerTask, strips) {
            let columns = index * strip..<min((index + 1) * strip, plan.n)
            if product.b.innerIsContiguous {
              dotProducts(R.self, scratch, product.b, columns, rows: plan.m, depth: plan.k, into: tile)
            } else {
              let isWhole = columns.count == strip
              if copies, isWhole {
                product.b.pack(panel: index, width: strip, firstStep: 0, depth: plan.k, into: copy)
              }
              let inPlace = isWhole && !copies
              AttentionTile.multiply(
                rows: tileRows, depth: plan.k, scratch, step: AttentionTile.rows,
                tileStep: AttentionTile.rows * plan.k,
                inPlace
                  ? product.b.source + columns.lowerBound : UnsafePointer(isWhole ? copy : edge),
                step: inPlace ? product.b.stride : strip, into: tile, stride: strip, accumulate: false)
            }
            plan.finish(product, tile, stride: strip, rows: 0..<plan.m, columns: columns, isFirst: true)
          }
        }
      }
    }
  }
}

/// Elements of B that one task reads.
private let elementsPerTask = 65_536

/// `tile[row, c] = a[row] · b[columns[c]]` with both along the inner dimension.
private func dotProducts<R: Rounding>(
  _: R.Type, _ a: Floats, _ b: PackedOperand, _ columns: Range<Int>, rows: Int, depth: Int, into tile: Floats
) {
  let stride = AttentionTile.columns
  for first in Swift.stride(from: 0, to: columns.count, by: 4) {
    // Where fewer are left, the last is taken again.
    let last = columns.count &- 1
    let b0 = b.source + (columns.lowerBound &+ first) &* b.stride
    let b1 = b.source + (columns.lowerBound &+ min(first &+ 1, last)) &* b.stride
    let b2 = b.source + (columns.lowerBound &+ min(first &+ 2, last)) &* b.stride
    let b3 = b.source + (columns.lowerBound &+ min(first &+ 3, last)) &* b.stride
    for row in Swift.stride(from: 0, to: rows, by: 2) {
      let other = min(row &+ 1, rows &- 1)
      let (x, y) = (a + row &* depth, a + other &* depth)
      var (x0, x1, x2, x3) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      var (y0, y1, y2, y3) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      var k = 0
      while k < depth {
        let count = min(Lanes.scalarCount, depth &- k)
        let (x, y) = (loadLanes(x + k, count), loadLanes(y + k, count))
        let (c0, c1) = (R.round(loadLanes(b0 + k, count)), R.round(loadLanes(b1 + k, count)))
        let (c2, c3) = (R.round(loadLanes(b2 + k, count)), R.round(loadLanes(b3 + k, count)))
        x0 = multiplyAdd(x, c0, x0)
        x1 = multiplyAdd(x, c1, x1)
        x2 = multiplyAdd(x, c2, x2)
        x3 = multiplyAdd(x, c3, x3)
        y0 = multiplyAdd(y, c0, y0)
        y1 = multiplyAdd(y, c1, y1)
        y2 = multiplyAdd(y, c2, y2)
        y3 = multiplyAdd(y, c3, y3)
        k &+= Lanes.scalarCount
      }
      let width = min(4, columns.count &- first)
      let sums = SIMD4(x0.total, x1.total, x2.total, x3.total)
      let otherSums = SIMD4(y0.total, y1.total, y2.total, y3.total)
      for column in 0..<width {
        tile[row &* stride &+ first &+ column] = sums[column]
        tile[other &* stride &+ first &+ column] = otherSums[column]
      }
    }
  }
}
