import AntAutograd
import AntBatch
import AntCheck
import AntDevice
import AntModels
import AntRandom
import Foundation
import Testing

extension LlamaConfiguration {
  /// Two layers, everything small, no size a multiple of another.
  static let tiny = LlamaConfiguration(
    vocabularySize: 23, hiddenSize: 12, intermediateSize: 10, layers: 2, heads: 2, maximumLength: 16,
    initializerRange: 0.3)
}

extension LTGBertConfiguration {
  /// Two layers, everything small, no size a multiple of another; distances from 4 on share buckets.
  static func tiny(_ layout: LTGBertConfiguration.PositionProjection = .blocked) -> Self {
    LTGBertConfiguration(
      vocabularySize: 23, hiddenSize: 12, intermediateSize: 10, layers: 2, heads: 2, farthestDistance: 12,
      bucketSize: 5, positionProjection: layout)
  }
}

/// Every architecture and variant, small.
let tinyModels: [ModelConfiguration] = [
  .init(LlamaConfiguration.tiny), .init(LTGBertConfiguration.tiny(.blocked)),
  .init(LTGBertConfiguration.tiny(.perHead)), .init(Qwen3Configuration(.tiny)),
]

/// Ids from 4 up, fixed by `seed`.
func randomIDs(_ count: Int, below vocabulary: Int, seed: UInt64 = 1, step: Int = 0) -> [Int32] {
  let stream = RandomStream(seed: seed, purpose: .sampling, step: step)
  return (0..<UInt64(count)).map { 4 + Int32(stream.word($0) % UInt32(vocabulary - 4)) }
}

/// Rows and what they are to predict.
struct Labels {
  var rows: [Int32]
  var ids: [Int32]

  var count: Int { rows.count }
}

extension Batch {
  func predicting(_ labels: Labels) -> Batch {
    Batch(ids: ids, mask: mask, labelRows: labels.rows, labels: labels.ids)
  }
}

/// Labels at about 15 % of the positions and the input with those masked: masked language modeling in short.
func maskedBatch(_ ids: [Int32], seed: UInt64 = 1, step: Int = 0) -> (ids: [Int32], labels: Labels) {
  let stream = RandomStream(seed: seed, purpose: RandomStream.Purpose(5), step: step)
  let rows = ids.indices.filter { stream.uniform(UInt64($0)) < 0.15 }
  var masked = ids
  for row in rows { masked[row] = 3 }
  return (masked, Labels(rows: rows.map { Int32($0) }, ids: rows.map { ids[$0] }))
}

/// Every position but a sequence's last predicts the next token.
func causalLabels(_ ids: [Int32], length: Int) -> Labels {
  let rows = ids.indices.filter { ($0 + 1) % length != 0 }
  return Labels(rows: rows.map { Int32($0) }, ids: rows.map { ids[$0 + 1] })
}

/// `||a - b|| / ||b||`.
func relativeError(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count)
  let difference = zip(a, b).reduce(0.0) {
    $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
  }
  return (difference / b.reduce(0.0) { $0 + Double($1) * Double($1) }).squareRoot()
}

/// A folder that is removed at the end.
final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("models-tests-\(UUID().uuidString)")
  var weights: URL { url.appendingPathComponent("model.safetensors") }

  init() { try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }
}

/// Expects that the gradients a run leaves are those of its value, by central differences: a few elements of each
/// segment, and one direction through all of it.
///
/// - Parameters:
///   - unused: beginnings of the names of segments that must have no gradient.
///   - least: what the largest gradient of any other segment is above.
///   - run: computes the value and adds to the gradients, which are zero.
func expectGradients(
  of parameters: Parameters, on device: ReferenceDevice, unused: [String] = [], least: Double, step: Double,
  _ run: () -> Double
) throws {
  parameters.zeroGradients()
  _ = run()
  let gradients = device.readDoubles(try #require(parameters.gradients))
  let values = device.readDoubles(parameters.values)
  let signs = RandomStream(seed: 8, purpose: RandomStream.Purpose(6))
  for segment in parameters.segments {
    let used = segment.range.filter { gradients[$0] != 0 }
    if unused.contains(where: segment.name.hasPrefix) {
      #expect(used.isEmpty, "\(segment.name)")
      continue
    }
    let largest = gradients[segment.range].map(abs).max() ?? 0
    #expect(largest > least, "\(segment.name) has no gradient")
    guard !used.isEmpty else { continue }
    var directions = [0, used.count / 2, used.count - 1].map { [used[$0]: 1.0] }
    directions.append(
      Dictionary(
        uniqueKeysWithValues: segment.range.map { ($0, signs.uniform(UInt64($0)) < 0.5 ? 1.0 : -1.0) }))
    for direction in directions {
      func value(_ shift: Double) -> Double {
        var shifted = values
        for (element, weight) in direction { shifted[element] += shift * weight }
        device.writeDoubles(shifted, to: parameters.values)
        return run()
      }
      let numeric = (value(step) - value(-step)) / (2 * step)
      let analytic = direction.reduce(0) { $0 + $1.value * gradients[$1.key] }
      #expect(
        abs(numeric - analytic) <= 1e-6 * max(largest, abs(analytic)),
        "\(segment.name): \(analytic), by differences \(numeric)")
    }
    device.writeDoubles(values, to: parameters.values)
  }
}
