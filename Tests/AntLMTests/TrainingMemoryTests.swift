import Device
import Models
import Testing

@testable import AntLM

@Suite struct TrainingMemoryTests {
  private func memory(_ preset: String, tokens: Int, deviceBytes: Int) throws -> TrainingMemory {
    let model = try #require(LlamaConfiguration.preset(preset, vocabularySize: 1024))
    let info = DeviceInfo(
      identifier: "opencl:0", name: "Card", kind: .gpu, vendor: "", driver: "", memory: deviceBytes,
      computeUnits: 1)
    return TrainingMemory(model, parameterCount: 600_000, tokens: tokens, on: info)
  }

  @Test func whatFitsIsAllowed() throws {
    try memory("llama-micro", tokens: 4096, deviceBytes: 1 << 30).require(batch: 32)
  }

  @Test func theRefusalSaysWhatToLower() throws {
    let activations = try memory("llama-micro", tokens: 4096, deviceBytes: 64 << 20)
    let error = try #require(throws: TrainingError.self) { try activations.require(batch: 32) }
    #expect("\(error)".contains("--accumulate") && "\(error)".contains("Card has 64 MiB"), "\(error)")
    let parameters = try memory("llama-micro", tokens: 16, deviceBytes: 8 << 20)
    let other = try #require(throws: TrainingError.self) { try parameters.require(batch: 1) }
    #expect("\(other)".contains("smaller --model"), "\(other)")
  }

  @Test func moreTokensNeedMore() throws {
    let small = try memory("llama-micro", tokens: 1024, deviceBytes: 1 << 30).bytes
    let large = try memory("llama-micro", tokens: 4096, deviceBytes: 1 << 30).bytes
    #expect(large > 2 * small)
  }
}
