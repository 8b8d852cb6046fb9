import AntAutograd
import AntDevice
import AntDevices
import AntModels
import AntText
import Testing

@testable import AntBench
@testable import AntTraining

@Suite struct TrainingMemoryTests {
  private func memory(_ preset: String, tokens: Int, deviceBytes: Int) throws -> TrainingMemory {
    let model = try #require(LlamaConfiguration.preset(preset, vocabularySize: 1024))
    let info = DeviceInfo(
      identifier: "opencl:0", name: "Card", kind: .gpu, vendor: "", driver: "", memory: deviceBytes,
      computeUnits: 1)
    return TrainingMemory(model, tokens: tokens, on: info)
  }

  /// What the device held in three steps, against what was foretold for it.
  @Test(arguments: [
    ("llama-micro", 1024, 8, 128), ("llama-micro", 8192, 4, 64), ("llama-mini", 2048, 4, 128),
    ("llama-small", 4096, 1, 128),
  ])
  func foretellsWhatATrainingStepHolds(preset: String, vocabulary: Int, batch: Int, length: Int) throws {
    let configuration = try #require(LlamaConfiguration.preset(preset, vocabularySize: vocabulary))
    for (mixture, most) in [("CLM", 1.25), ("MLM", 1.6), ("[MLM:1+CLM:1]", 1.6)] {
      let device = try Devices.open("cpu").device
      let result = try Benchmark(on: device, repeats: 1).trainingStep(
        configuration, preset: preset, mixture: Mixture(notation: mixture), batch: batch, length: length)
      let memory = TrainingMemory(configuration, tokens: batch * length, on: device.info)
      let ratio = Double(memory.deviceBytes) / Double(result.peakBytes)
      #expect(
        ratio >= 1 && ratio < most, "\(preset) \(mixture): \(ratio) of \(result.peakBytes)")
    }
  }

  /// Muon's matrices, beside all else.
  @Test func foretellsWhatMuonHolds() throws {
    let device = try Devices.open("cpu").device
    let configuration = try #require(LlamaConfiguration.preset("llama-mini", vocabularySize: 512))
    let result = try Benchmark(on: device, repeats: 1).trainingStep(
      configuration, preset: "llama-mini", mixture: "CLM", batch: 1, length: 32, rule: MuonRule())
    let memory = TrainingMemory(configuration, tokens: 32, rule: MuonRule(), on: device.info)
    let ratio = Double(memory.deviceBytes) / Double(result.peakBytes)
    #expect(ratio >= 1 && ratio < 1.6, "\(ratio) of \(result.peakBytes)")
  }

  /// Matrix units have operands packed beside what they are packed from.
  @Test(.openCL) func foretellsWhatMatrixUnitsHold() throws {
    let (vocabulary, batch, length) = (256, 36, 64)
    let device = try Devices.open("opencl", options: DeviceOptions(kernels: .gpu)).device
    let configuration = try #require(
      LlamaConfiguration.preset("llama-micro", vocabularySize: vocabulary))
    let result = try Benchmark(on: device, repeats: 1).trainingStep(
      configuration, preset: "llama-micro", mixture: "CLM", batch: batch, length: length,
      precision: .tf32)
    let memory = TrainingMemory(
      configuration, tokens: batch * length, precision: .tf32, on: device.info)
    let ratio = Double(memory.deviceBytes) / Double(result.peakBytes)
    #expect(ratio >= 1 && ratio < 1.6, "\(ratio) of \(result.peakBytes)")
  }

  @Test func whatFitsIsAllowed() throws {
    try memory("llama-micro", tokens: 4096, deviceBytes: 1 << 30).require(batch: 32)
  }

  @Test func theRefusalSaysWhatToLower() throws {
    let activations = try memory("llama-micro", tokens: 4096, deviceBytes: 64 << 20)
    let error = try #require(throws: TrainingError.self) { try activations.require(batch: 32) }
    #expect("\(error)".contains("more parts") && "\(error)".contains("Card has 64 MiB"), "\(error)")
    let parameters = try memory("llama-micro", tokens: 16, deviceBytes: 8 << 20)
    let other = try #require(throws: TrainingError.self) { try parameters.require(batch: 1) }
    #expect("\(other)".contains("smaller model"), "\(other)")
  }

  @Test func moreTokensNeedMore() throws {
    let small = try memory("llama-micro", tokens: 1024, deviceBytes: 1 << 30).bytes
    let large = try memory("llama-micro", tokens: 4096, deviceBytes: 1 << 30).bytes
    #expect(large > 2 * small)
  }
}
