import AntDevice
import AntInference
import AntModels
import AntRandom
import AntText
import AntTraining

extension Benchmark {
  /// Greedy generation of `tokens` tokens, one by one, after a prompt of `prompt` random ones, with the cache.
  public func generation(
    _ configuration: any Architecture, preset: String, prompt: Int, tokens: Int
  ) throws -> Result {
    try TrainingMemory(configuration, tokens: prompt + tokens, on: device.info).require(batch: 1)
    let model = configuration.makeModel(seed: 1, on: device)
    // A text that never ends: no token of the vocabulary closes it.
    let absent = SpecialTokens.absent
    let specials = SpecialTokens(padding: absent, beginning: 0, end: absent, mask: absent)
    let stream = RandomStream(seed: 2, purpose: .sampling)
    let start = (1..<prompt).map { Int32(Int(stream.word(UInt64($0))) % configuration.vocabularySize) }
    let generator = Generator(model, specials: specials)
    return try time(
      "generate", "\(preset) \(prompt)+\(tokens) vocabulary \(configuration.vocabularySize)", tokens: tokens
    ) {
      _ = try generator(prompt: start, tokens: tokens, sampler: Sampler(temperature: 0))
    }
  }
}
