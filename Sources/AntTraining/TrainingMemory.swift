import AntAutograd
import AntDevice
import AntModels
import Foundation

/// The most memory a training run will hold, in bytes, predicted from its sizes.
///
/// For P parameters, n tokens in one part of a batch, width d, N layers, and vocabulary V, in floats:
///
///     4 P                                   weights, gradients, two moments; 5 P with a mean of the weights
///     n N kept + n working                  what the architecture says (``AntModels/Architecture``)
///     ...                                   what the optimizer's rule works with beside that
///     2 chunk V + 4 V d                     one chunk of logits, and operands packed to multiply them
///     2 n (2 inner + d)                     below float32, operands of a layer's products packed, in powers of two
///
/// and a sixteenth more, for buffers are rounded up to size classes. It is the causal objective's: the masked
/// one labels fewer tokens and needs fewer logits.
package struct TrainingMemory {
  package let parameters: Int
  package let activations: Int
  private let info: DeviceInfo

  /// - Parameters:
  ///   - tokens: of one part of a batch.
  ///   - averages: whether a running mean of the weights is kept.
  ///   - precision: of products, which matrix units have packed.
  ///   - rule: the optimizer's.
  package init(
    _ model: any Architecture, tokens: Int, averages: Bool = false, precision: Precision = .float32,
    rule: any OptimizerRule = AdamWRule(), on info: DeviceInfo
  ) {
    let perToken = model.activationFloats
    let vocabulary = Double(model.vocabularySize)
    let logits = min(Double(tokens) * vocabulary, max(Double(Tape.defaultLogitsPerChunk), vocabulary))
    let packed =
      precision == .float32 ? 0 : 2 * Double(tokens) * Double(2 * model.intermediateSize + model.hiddenSize)
    let floats =
      packed + Double(tokens) * (Double(model.layers * perToken.kept) + Double(perToken.working))
      + 2 * logits + 4 * vocabulary * Double(model.hiddenSize)
    parameters =
      (averages ? 5 : 4) * 4 * model.parameterCount + 4 * rule.workingFloats(for: model.segments)
    // What is beyond any machine need not be counted to the byte, nor may it overflow.
    activations = Int(min(4 * floats, 0x1p60))
    self.info = info
  }

  /// What the kernel compiler of an OpenCL driver for CPUs takes from the same memory.
  private static let compilerBytes = 256 << 20

  /// What the device's buffers take.
  package var deviceBytes: Int { (parameters + activations) / 16 * 17 }

  /// A CPU's memory holds the host's copies too.
  package var bytes: Int {
    switch info.kind {
    case .gpu, .accelerator: deviceBytes
    case .openCLCPU: deviceBytes + parameters / 2 + Self.compilerBytes
    case .cpu, .simulator: deviceBytes + parameters / 2
    }
  }

  /// Throws ``TrainingError/outOfMemory(needed:available:place:advice:)`` where the run cannot fit.
  package func require(batch: Int) throws {
    try MemoryBudget.require(bytes, on: info) { available in
      parameters > available / 2
        ? "choose a smaller model or vocabulary"
        : batch > 1
          ? "split the batch into more parts, or lower it or the length of sequences"
          : "lower the length of sequences or choose a smaller model"
    }
  }
}
