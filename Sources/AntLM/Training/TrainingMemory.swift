import Device
import Foundation
import Models

/// The most memory a training run will hold, in bytes, predicted from its sizes.
///
/// For P parameters, n tokens in one part of a batch, width d, feed-forward width f, h heads, N layers, and
/// vocabulary V, in floats:
///
///     4 P                                   weights, gradients, two moments
///     n N (d + 3d + d + h + d + 2f)         what each layer keeps for its backward pass
///     n (8 d + 6 f)                         what the layer at work holds beside that
///     3 n d + chunk V                       hidden states of the head and one chunk of logits
///
/// Buffers are rounded up to size classes and checkpoints copy weights and moments to the host: the last terms
/// of ``bytes``.
struct TrainingMemory {
  /// Rows of logits that exist at a time.
  private static let chunkRows = 1024

  let parameters: Int
  let activations: Int
  private let info: DeviceInfo

  /// - Parameter tokens: of one part of a batch.
  init(_ model: LlamaConfiguration, tokens: Int, on info: DeviceInfo) {
    let (width, inner) = (Double(model.hiddenSize), Double(model.intermediateSize))
    let kept = Double(model.layers) * (6 * width + Double(model.heads) + 2 * inner)
    let working = 8 * width + 6 * inner + 3 * width
    let logits = Double(min(tokens, Self.chunkRows)) * Double(model.vocabularySize)
    parameters = 4 * 4 * model.parameterCount
    // What is beyond any machine need not be counted to the byte, nor may it overflow.
    activations = Int(min(4 * (Double(tokens) * (kept + working) + logits), 0x1p60))
    self.info = info
  }

  /// What the kernel compiler of an OpenCL driver for CPUs takes from the same memory.
  private static let compilerBytes = 256 << 20

  /// A CPU's memory holds the host's copies too.
  var bytes: Int {
    let device = parameters + activations + activations / 8
    return switch info.kind {
    case .gpu, .accelerator: device
    case .openCLCPU: device + parameters / 2 + Self.compilerBytes
    case .cpu, .simulator: device + parameters / 2
    }
  }

  /// Throws ``TrainingError/outOfMemory(needed:available:place:advice:)`` where the run cannot fit.
  func require(batch: Int) throws {
    try MemoryBudget.require(bytes, on: info) { available in
      parameters > available / 2
        ? "choose a smaller --model or vocabulary"
        : batch > 1
          ? "raise --accumulate, or lower --batch or --length" : "lower --length or choose a smaller --model"
    }
  }
}
