import AntDevice

/// Pointwise nonlinearities and their gated forms. The function is chosen once a run of elements, so that each
/// inner loop holds one formula.
extension CPUDevice {
  public func activation(_ operation: Activation) {
    guard operation.count > 0 else { return }
    command("activation \(operation.function)", floats: 2 * operation.count) {
      let (x, y) = (operation.input.floats, operation.output.floats)
      parallel.overElements(operation.count) { range in
        let (x, y) = (x + range.lowerBound, y + range.lowerBound)
        withFormula(operation.function) { formula in
          forEachLanes(range.count) { start, count in
            storeLanes(formula(loadLanes(x + start, count)).value, y + start, count)
          }
        }
      }
    }
  }

  public func activation(_ operation: ActivationBackward) {
    guard operation.count > 0 else { return }
    command("activation \(operation.function) backward", floats: 3 * operation.count) {
      let x = operation.input.floats
      let (dy, dx) = (operation.outputGradient.floats, operation.inputGradient.floats)
      parallel.overElements(operation.count) { range in
        let (x, dy, dx) = (x + range.lowerBound, dy + range.lowerBound, dx + range.lowerBound)
        withFormula(operation.function) { formula in
          forEachLanes(range.count) { start, count in
            let slope = formula(loadLanes(x + start, count)).slope
            storeLanes(loadLanes(dy + start, count) * slope, dx + start, count)
          }
        }
      }
    }
  }

  public func activation(_ operation: GatedActivation) {
    let (gate, up, output) = (operation.gate, operation.up, operation.output)
    guard gate.count > 0 else { return }
    command("gatedActivation \(operation.function)", floats: 3 * gate.count) {
      let (g, u, y) = (gate.floats, up.floats, output.floats)
      parallel.overRows(gate.rows, columns: gate.columns) { rows in
        withFormula(operation.function) { formula in
          for row in rows {
            let (g, u, y) = (g + row * gate.stride, u + row * up.stride, y + row * output.stride)
            forEachLanes(gate.columns) { start, count in
              let value = formula(loadLanes(g + start, count)).value
              storeLanes(value * loadLanes(u + start, count), y + start, count)
            }
          }
        }
      }
    }
  }

  public func activation(_ operation: GatedActivationBackward) {
    let (gate, up, outputGradient) = (operation.gate, operation.up, operation.outputGradient)
    let (gateGradient, upGradient) = (operation.gateGradient, operation.upGradient)
    guard gate.count > 0 else { return }
    command("gatedActivation \(operation.function) backward", floats: 5 * gate.count) {
      let (g, u, dy) = (gate.floats, up.floats, outputGradient.floats)
      let (dg, du) = (gateGradient.floats, upGradient.floats)
      parallel.overRows(gate.rows, columns: gate.columns) { rows in
        withFormula(operation.function) { formula in
          for row in rows {
            let (g, u) = (g + row * gate.stride, u + row * up.stride)
            let dy = dy + row * outputGradient.stride
            let (dg, du) = (dg + row * gateGradient.stride, du + row * upGradient.stride)
            forEachLanes(gate.columns) { start, count in
              let (value, slope) = formula(loadLanes(g + start, count))
              let u = loadLanes(u + start, count)
              let dy = loadLanes(dy + start, count)
              storeLanes(dy * u * slope, dg + start, count)
              storeLanes(dy * value, du + start, count)
            }
          }
        }
      }
    }
  }
}

/// f(x) and f'(x).
private typealias Formula = (Lanes) -> (value: Lanes, slope: Lanes)

/// Runs `body` with the formula of `function`; each use is inlined with its own.
@inline(__always)
private func withFormula(_ function: ActivationFunction, _ body: (_ formula: Formula) -> Void) {
  switch function {
  case .silu: body(silu)
  case .gelu: body(gelu)
  case .geluTanh: body(geluTanh)
  }
}

@inline(__always)
private func silu(_ x: Lanes) -> (value: Lanes, slope: Lanes) {
  let s = sigmoid(x)
  return (x * s, s * (1 + x * (1 - s)))
}

@inline(__always)
private func gelu(_ x: Lanes) -> (value: Lanes, slope: Lanes) {
  let (cumulative, density) = normal(x)
  return (x * cumulative, cumulative + x * density)
}

/// `x/2 (1 + tanh u) = x sigmoid(2u)`, which does not cancel where tanh is near -1.
@inline(__always)
private func geluTanh(_ x: Lanes) -> (value: Lanes, slope: Lanes) {
  let root: Float = 0.797_884_56
  let square = x * x
  let s = sigmoid(2 * root * x * (1 + 0.044715 * square))
  let slope = 2 * root * (1 + 3 * 0.044715 * square)
  return (x * s, s + x * s * (1 - s) * slope)
}
