import Device

/// Norm, clip factor and finiteness; then AdamW over the flat buffer, one pass over four streams.
extension CPUDevice {
  public func optimizer(_ operation: GradientControl) {
    command("gradientControl", floats: GradientControl.size) {
      let norm = operation.gradientSquares.floats[0].squareRoot()
      let loss = operation.loss.floats[0]
      let control = operation.control.floats
      control[0] = min(1, operation.maximumNorm / (norm + 1e-6))
      control[1] = norm
      control[2] = loss
      control[3] = norm.isFinite && loss.isFinite ? 1 : 0
    }
  }

  public func optimizer(_ operation: AdamW) {
    guard operation.count > 0 else { return }
    command("adamW", floats: 7 * operation.count) {
      let control = operation.control.floats
      guard control[3] == 1 else { return }
      let factor = control[0]
      let (p, g) = (operation.parameters.floats, operation.gradients.floats)
      let (m, v) = (operation.firstMoment.floats, operation.secondMoment.floats)
      let (beta1, beta2, epsilon) = (operation.beta1, operation.beta2, operation.epsilon)
      let (rate, decay) = (operation.learningRate, operation.weightDecay)
      let (correction1, correction2) = (operation.firstCorrection, operation.secondCorrection)

      /// Sixteen parameters, or what is left of them.
      @inline(__always)
      func update(_ start: Int, _ count: Int, decay: Float) {
        let gradient = factor * loadLanes(g + start, count)
        let first = beta1 * loadLanes(m + start, count) + (1 - beta1) * gradient
        let second = beta2 * loadLanes(v + start, count) + (1 - beta2) * gradient * gradient
        let value = loadLanes(p + start, count)
        let direction = first * correction1 / (squareRoot(second * correction2) + epsilon)
        storeLanes(first, m + start, count)
        storeLanes(second, v + start, count)
        storeLanes(value - rate * (direction + decay * value), p + start, count)
      }
      // What lies on the two sides of `decayedCount` is updated in separate runs.
      func update(_ range: Range<Int>, decay: Float) {
        var start = range.lowerBound
        while start &+ Lanes.scalarCount <= range.upperBound {
          update(start, Lanes.scalarCount, decay: decay)
          start &+= Lanes.scalarCount
        }
        if start < range.upperBound { update(start, range.upperBound &- start, decay: decay) }
      }
      parallel.overElements(operation.count) { range in
        let boundary = min(max(operation.decayedCount, range.lowerBound), range.upperBound)
        update(range.lowerBound..<boundary, decay: decay)
        update(boundary..<range.upperBound, decay: 0)
      }
    }
  }
}
