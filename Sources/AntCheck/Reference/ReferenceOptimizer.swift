import AntDevice

/// The clip factor with its verdict, AdamW, LAMB and the ends of Muon.
extension ReferenceDevice {
  public func optimizer(_ operation: GradientControl) {
    let norm = operation.gradientSquares.numbers[0].value.squareRoot()
    let loss = operation.loss.numbers[0]
    let control = operation.control.numbers
    let finite = norm.isFinite && loss.value.isFinite
    control[0] = Measured(finite ? min(1, Double(operation.maximumNorm) / (norm + 1e-6)) : 0)
    control[1] = Measured(norm)
    control[2] = loss
    control[3] = Measured(finite ? 1.0 : 0.0)
  }

  public func optimizer(_ operation: AdamW) {
    let update = operation.update
    let control = update.control.numbers
    guard control[3].value != 0 else { return }
    for index in 0..<update.count {
      let direction = update.moments.direction(
        control[0] * update.gradients.numbers[index], &update.firstMoment.numbers[index],
        &update.secondMoment.numbers[index])
      let parameter = update.parameters.numbers[index]
      let decay = index < update.decayedCount ? Double(update.weightDecay) : 0
      update.parameters.numbers[index] =
        parameter - Double(update.learningRate) * (direction + decay * parameter)
    }
  }

  public func optimizer(_ operation: LAMB) {
    let update = operation.update
    let control = update.control.numbers
    guard control[3].value != 0 else { return }
    for tensor in operation.blocks.tensors {
      let decays = tensor.lowerBound < update.decayedCount
      var (parameterSquares, directionSquares) = (Measured.zero, Measured.zero)
      for index in tensor {
        let direction = update.moments.direction(
          control[0] * update.gradients.numbers[index], &update.firstMoment.numbers[index],
          &update.secondMoment.numbers[index])
        let parameter = update.parameters.numbers[index]
        let step = direction + (decays ? Double(update.weightDecay) : 0) * parameter
        update.gradients.numbers[index] = step
        parameterSquares += parameter * parameter
        directionSquares += step * step
      }
      let isScaled = decays && parameterSquares.value > 0 && directionSquares.value > 0
      let ratio = isScaled ? sqrt(parameterSquares) / sqrt(directionSquares) : Measured(1.0)
      for index in tensor {
        update.parameters.numbers[index] =
          update.parameters.numbers[index]
          - Double(update.learningRate) * ratio * update.gradients.numbers[index]
      }
    }
  }
}

extension ReferenceDevice {
  public func optimizer(_ operation: MuonDirection) {
    let control = operation.control.numbers
    guard control[3].value != 0 else { return }
    let momentum = Double(operation.momentum)
    for tensor in operation.blocks.tensors {
      var squares = Measured.zero
      for index in tensor {
        let part = (1 - momentum) * (control[0] * operation.gradients.numbers[index])
        operation.moment.numbers[index] = momentum * operation.moment.numbers[index] + part
        let direction = momentum * operation.moment.numbers[index] + part
        operation.gradients.numbers[index] = direction
        squares += direction * direction
      }
      let norm = sqrt(squares) + Measured(MuonDirection.epsilon)
      for index in tensor {
        operation.gradients.numbers[index] = operation.gradients.numbers[index] / norm
      }
    }
  }

  public func optimizer(_ operation: MuonStep) {
    guard operation.control.numbers[3].value != 0 else { return }
    for index in operation.blocks.tensors.joined() {
      let parameter = operation.parameters.numbers[index]
      operation.parameters.numbers[index] =
        parameter - Double(operation.learningRate)
        * (operation.direction.numbers[index] + Double(operation.weightDecay) * parameter)
    }
  }
}

extension Moments {
  fileprivate func direction(_ gradient: Measured, _ first: inout Measured, _ second: inout Measured)
    -> Measured
  {
    let (beta1, beta2) = (Double(beta1), Double(beta2))
    first = beta1 * first + (1 - beta1) * gradient
    second = beta2 * second + (1 - beta2) * (gradient * gradient)
    return (Double(firstCorrection) * first)
      / (sqrt(Double(secondCorrection) * second) + Measured(epsilon))
  }
}
