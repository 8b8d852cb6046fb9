import AntDevice
import Foundation

/// `weight (logSumExp - x[label])` of each row and, where asked for,
/// `scale weight ((1 + 2 zLoss logSumExp) softmax - one-hot)`.
extension ReferenceDevice {
  public func crossEntropy(_ operation: CrossEntropy) {
    guard operation.logits.columns > 0 else { return }
    let gradient = operation.gradient?.reference()
    for row in 0..<operation.logits.rows {
      let label = Int(operation.labels.integers[row])
      guard label >= 0 else {
        operation.losses.numbers[row] = .zero
        for column in 0..<operation.logits.columns { gradient?[row, column] = .zero }
        continue
      }
      let logits = operation.logits.reference().row(row)
      let largest = Measured(logits.map(\.value).max()!)
      let sum = logits.map { exp($0 - largest) }.reduce(.zero, +)
      let logSumExp = Measured(log(sum.value)) + largest
      let weight = operation.weights?.numbers[row].value ?? 1
      operation.losses.numbers[row] = weight * (logSumExp - logits[label])
      guard let gradient else { continue }
      let pull = Measured(1.0) + 2 * Double(operation.zLoss) * logSumExp
      for (column, logit) in logits.enumerated() {
        let probability = exp(logit - largest) / sum
        let target = Measured(column == label ? 1.0 : 0.0)
        gradient[row, column] = Double(operation.scale) * weight * (pull * probability - target)
      }
    }
  }
}
