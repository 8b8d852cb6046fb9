import AntDevice

/// Copies of a matrix in the order in which register tiles read it.
///
/// A panel holds `width` rows of an operand's outer dimension (rows of A, columns of B) over a run of the inner
/// dimension k, as `[k][width]`; what lies outside the matrix is zero. Copies are rounded to the product's precision.
///
///     outer contiguous (B as is, A transposed): element (outer, k) at  source[k * stride + outer]
///     inner contiguous (A as is, B transposed): element (outer, k) at  source[outer * stride + k]
struct PackedOperand {
  let source: UnsafePointer<Float>
  let stride: Int
  let innerIsContiguous: Bool
  /// Rows of A or columns of B.
  let outer: Int
  var precision = Precision.float32

  /// Packs panel `index` over `depth` steps from `firstStep`.
  @inline(__always)
  func pack(panel index: Int, width: Int, firstStep: Int, depth: Int, into panel: Floats) {
    switch precision {
    case .float32: pack(Unrounded.self, index, width, firstStep, depth, panel)
    case .tf32: pack(ToTF32.self, index, width, firstStep, depth, panel)
    case .bfloat16: pack(ToBFloat16.self, index, width, firstStep, depth, panel)
    }
  }

  @inline(__always)
  private func pack<R: Rounding>(
    _: R.Type, _ index: Int, _ width: Int, _ firstStep: Int, _ depth: Int, _ panel: Floats
  ) {
    let first = index &* width
    let valid = min(width, outer &- first)
    if valid < width { return packEdge(R.self, first, valid, width, firstStep, depth, panel) }
    if innerIsContiguous {
      let source = source + (first &* stride &+ firstStep)
      var k = 0
      while k &+ 16 <= depth {
        for row in 0..<width {
          let row16 = R.round(load(source + (row &* stride &+ k)))
          for step in 0..<16 { panel[(k &+ step) &* width &+ row] = row16[step] }
        }
        k &+= 16
      }
      while k < depth {
        for row in 0..<width { panel[k &* width &+ row] = R.round(source[row &* stride &+ k]) }
        k &+= 1
      }
    } else {
      var source = source + (firstStep &* stride &+ first)
      var panel = panel
      for _ in 0..<depth {
        for column in 0..<width { panel[column] = R.round(source[column]) }
        source += stride
        panel += width
      }
    }
  }

  private func packEdge<R: Rounding>(
    _: R.Type, _ first: Int, _ valid: Int, _ width: Int, _ firstStep: Int, _ depth: Int, _ panel: Floats
  ) {
    panel.update(repeating: 0, count: depth * width)
    let (outerStep, innerStep) = innerIsContiguous ? (stride, 1) : (1, stride)
    let source = source + first * outerStep + firstStep * innerStep
    for k in 0..<depth {
      for row in 0..<valid {
        panel[k * width + row] = R.round(source[row * outerStep + k * innerStep])
      }
    }
  }
}
