import Foundation

extension ArraySlice<Float> {
  /// What these logits say of each token, in their order, adding up to 1; nil where one is not finite.
  var probabilities: [Double]? {
    guard allSatisfy(\.isFinite), let largest = self.max() else { return nil }
    let weights = map { exp(Double($0) - Double(largest)) }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }
}
