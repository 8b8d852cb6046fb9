import AntDevice

/// Norm, clip factor and finiteness; then AdamW in one pass over four streams, or LAMB in two; the ends of Muon.
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
    let update = operation.update
    guard update.count > 0 else { return }
    command("adamW", floats: 7 * update.count) {
      let control = update.control.floats
      guard control[3] == 1 else { return }
      let factor = control[0]
      let (p, g) = (update.parameters.floats, update.gradients.floats)
      let (m, v) = (update.firstMoment.floats, update.secondMoment.floats)
      let (rate, decay) = (update.learningRate, update.weightDecay)
      let moments = update.moments

      /// Sixteen parameters, or what is left of them.
      @inline(__always)
      func move(_ start: Int, _ count: Int, decay: Float) {
        let value = loadLanes(p + start, count)
        let direction = moments.direction(factor * loadLanes(g + start, count), m + start, v + start, count)
        storeLanes(value - rate * (direction + decay * value), p + start, count)
      }
      // What lies on the two sides of `decayedCount` is updated in separate runs.
      func move(_ range: Range<Int>, decay: Float) {
        var start = range.lowerBound
        while start &+ Lanes.scalarCount <= range.upperBound {
          move(start, Lanes.scalarCount, decay: decay)
          start &+= Lanes.scalarCount
        }
        if start < range.upperBound { move(start, range.upperBound &- start, decay: decay) }
      }
      parallel.overElements(update.count) { range in
        let boundary = min(max(update.decayedCount, range.lowerBound), range.upperBound)
        move(range.lowerBound..<boundary, decay: decay)
        move(boundary..<range.upperBound, decay: 0)
      }
    }
  }

  public func optimizer(_ operation: LAMB) {
    let update = operation.update
    let blocks = operation.blocks.count
    guard blocks > 0 else { return }
    command("lamb", floats: 10 * update.count) {
      let control = update.control.floats
      guard control[3] == 1 else { return }
      let factor = control[0]
      let (p, g) = (update.parameters.floats, update.gradients.floats)
      let (m, v) = (update.firstMoment.floats, update.secondMoment.floats)
      let table = operation.blocks.table.integers
      let moments = update.moments
      func decays(_ start: Int) -> Bool { start < update.decayedCount }

      withScratch(2 * blocks) { squares in
        parallel(blocks) { block in
          let start = Int(table[4 * block])
          let decay = decays(start) ? update.weightDecay : 0
          var (parameterSquares, directionSquares) = (Lanes.zero, Lanes.zero)
          forEachLanes(Int(table[4 * block + 1])) { offset, count in
            let place = start + offset
            let value = loadLanes(p + place, count)
            let direction =
              moments.direction(factor * loadLanes(g + place, count), m + place, v + place, count)
              + decay * value
            storeLanes(direction, g + place, count)
            parameterSquares += value * value
            directionSquares += direction * direction
          }
          squares[2 * block] = parameterSquares.total
          squares[2 * block + 1] = directionSquares.total
        }
        parallel(blocks) { block in
          let start = Int(table[4 * block])
          var (parameterSquares, directionSquares) = (0.0, 0.0)
          for other in Int(table[4 * block + 2])..<Int(table[4 * block + 2] + table[4 * block + 3]) {
            parameterSquares += Double(squares[2 * other])
            directionSquares += Double(squares[2 * other + 1])
          }
          let isScaled = decays(start) && parameterSquares > 0 && directionSquares > 0
          let ratio = isScaled ? (parameterSquares / directionSquares).squareRoot() : 1
          let rate = update.learningRate * Float(ratio)
          forEachLanes(Int(table[4 * block + 1])) { offset, count in
            let place = start + offset
            storeLanes(loadLanes(p + place, count) - rate * loadLanes(g + place, count), p + place, count)
          }
        }
      }
    }
  }
}

extension CPUDevice {
  public func optimizer(_ operation: MuonDirection) {
    let blocks = operation.blocks.count
    guard blocks > 0 else { return }
    command("muonDirection", floats: 5 * operation.blocks.elements) {
      let control = operation.control.floats
      guard control[3] == 1 else { return }
      let (factor, momentum) = (control[0], operation.momentum)
      let (g, m) = (operation.gradients.floats, operation.moment.floats)
      let table = operation.blocks.table.integers
      withScratch(blocks) { squares in
        parallel(blocks) { block in
          let start = Int(table[4 * block])
          var sum = Lanes.zero
          forEachLanes(Int(table[4 * block + 1])) { offset, count in
            let place = start + offset
            let part = (1 - momentum) * factor * loadLanes(g + place, count)
            let moment = momentum * loadLanes(m + place, count) + part
            let direction = momentum * moment + part
            storeLanes(moment, m + place, count)
            storeLanes(direction, g + place, count)
            sum += direction * direction
          }
          squares[block] = sum.total
        }
        parallel(blocks) { block in
          let start = Int(table[4 * block])
          var sum = 0.0
          for other in Int(table[4 * block + 2])..<Int(table[4 * block + 2] + table[4 * block + 3]) {
            sum += Double(squares[other])
          }
          let scale = 1 / (Float(sum.squareRoot()) + MuonDirection.epsilon)
          forEachLanes(Int(table[4 * block + 1])) { offset, count in
            let place = start + offset
            storeLanes(scale * loadLanes(g + place, count), g + place, count)
          }
        }
      }
    }
  }

  public func optimizer(_ operation: MuonStep) {
    let blocks = operation.blocks.count
    guard blocks > 0 else { return }
    command("muonStep", floats: 3 * operation.blocks.elements) {
      guard operation.control.floats[3] == 1 else { return }
      let (p, u) = (operation.parameters.floats, operation.direction.floats)
      let table = operation.blocks.table.integers
      parallel(blocks) { block in
        let start = Int(table[4 * block])
        forEachLanes(Int(table[4 * block + 1])) { offset, count in
          let place = start + offset
          let value = loadLanes(p + place, count)
          let step = loadLanes(u + place, count) + operation.weightDecay * value
          storeLanes(value - operation.learningRate * step, p + place, count)
        }
      }
    }
  }
}

extension Moments {
  /// Takes sixteen gradients, or fewer, into the moments and gives Adam's direction.
  @inline(__always)
  fileprivate func direction(_ gradient: Lanes, _ m: Floats, _ v: Floats, _ count: Int) -> Lanes {
    let first = beta1 * loadLanes(m, count) + (1 - beta1) * gradient
    let second = beta2 * loadLanes(v, count) + (1 - beta2) * gradient * gradient
    storeLanes(first, m, count)
    storeLanes(second, v, count)
    return first * firstCorrection / (squareRoot(second * secondCorrection) + epsilon)
  }
}
