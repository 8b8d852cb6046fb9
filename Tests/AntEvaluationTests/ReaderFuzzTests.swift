import AntDevice
import AntRandom
import AntTestSupport
import Foundation
import Testing

@testable import AntEvaluation
@testable import AntModels
@testable import AntText
@testable import AntTraining

/// Readers of files that others wrote, fed with damaged ones: whatever comes in, they give a value or an error of
/// one line, and never trap. `tools/test --fuzz` feeds them more than a million inputs.
@Suite struct ReaderFuzzTests {
  private let inputs =
    ProcessInfo.processInfo.environment["ANTLM_FUZZ_INPUTS"].flatMap { Int($0) } ?? 1500

  /// Feeds `read` with damaged copies of `seeds`; some must be refused and some must not.
  private func fuzz(
    _ name: String, _ seeds: [Data], share: Int = 1, _ read: (Data) throws -> Void
  ) {
    for seed in seeds { #expect(throws: Never.self, "\(name)") { try read(seed) } }
    var damage = Damage(seed: UInt64(name.utf8.count) + 99)
    var refused = 0
    for number in 0..<inputs / share {
      let data = damage.damaged(seeds[number % seeds.count])
      do {
        try read(data)
      } catch let error as any CustomStringConvertible {
        refused += 1
        let isOneLine = !error.description.contains(where: \.isNewline) && !error.description.isEmpty
        if !isOneLine { Issue.record("\(name): \(error)") }
      } catch {
        Issue.record("\(name): \(error)")
      }
    }
    #expect(refused > inputs / share / 10, "\(name): \(refused) refused")
  }

  @Test func safeTensors() throws {
    let scratch = Scratch()
    let file = scratch.url.appending(path: "model.safetensors")
    try SafeTensors.write(
      [
        SafeTensors.Source("a", shape: [2, 3], values: [1, 2, 3, 4, 5, 6]),
        SafeTensors.Source("b", shape: [2], values: [7, 8]),
      ], to: file)
    let plain = Data(
      #"{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"y":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}"#
        .utf8)
    let other = withUnsafeBytes(of: UInt64(plain.count).littleEndian) { Data($0) } + plain + Data(count: 12)
    fuzz("safetensors", [try Data(contentsOf: file), other]) { data in
      let file = try SafeTensors(data, file: file)
      for entry in file.entries where entry.type != "I64" { _ = try file.floats(entry.name) }
    }
  }

  @Test func modelConfigurations() throws {
    let encoder = JSONEncoder()
    let seeds = try ["llama-mini", "ltg-bert-mini"].map {
      try encoder.encode(try #require(Architectures.standard.preset($0, vocabularySize: 500)))
    }
    let newer = Data(
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
       "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 100, "hidden_act":
       "silu", "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_parameters": {"rope_theta": 10000.0,
       "rope_type": "default"}, "dtype": "float32", "tie_word_embeddings": true}
      """.utf8)
    let info = try TinyRun().device().info
    fuzz("config.json", seeds + [newer]) { data in
      let model = try ModelConfiguration(data, file: "config.json").architecture
      // Sizes that would not fit any machine are still counted.
      #expect(model.parameterCount > 0)
      _ = TrainingMemory(model, tokens: 4096, on: info)
      _ = model.dropoutRates(nil)
    }
  }

  @Test func tokenizers() throws {
    let tiny = try TinyRun()
    let wordPiece = try Tokenizer.train(
      on: [URL(filePath: tiny.training)], TokenizerOptions(.wordpiece, vocabularySize: 290, normalizer: .nfkc)
    )
    let file = tiny.scratch.url.appending(path: "wordpiece.json")
    try wordPiece.write(to: file)
    let seeds = try [URL(filePath: tiny.tokenizerFile), file].map { try Data(contentsOf: $0) }
    fuzz("tokenizer.json", seeds) { data in
      let tokenizer = try Tokenizer(json: data, file: "tokenizer.json")
      let text = "The dog [MASK] 12 \u{FB01}sh é <s>"
      _ = tokenizer.decode(tokenizer.encode(text, addingSpecials: true))
      _ = tokenizer.encode([0xFF, 0x41, 0xCC], recognizingSpecials: false)
    }
  }

  @Test func indices() throws {
    let scratch = Scratch()
    let source = SafeTensors.Source("a", shape: [1], values: [1])
    try SafeTensors.write([source], to: scratch.url.appending(path: "one.safetensors"))
    let index = scratch.url.appending(path: "model.safetensors.index.json")
    let seed = Data(#"{"metadata": {"total_size": 4}, "weight_map": {"a": "one.safetensors"}}"#.utf8)
    fuzz("index", [seed], share: 10) { data in
      try data.write(to: index)
      _ = try ModelWeights(in: scratch.url).floats("a")
    }
  }

  @Test func runs() throws {
    let tiny = try TinyRun()
    let trainer = try tiny.start("run")
    _ = try trainer.train(until: { true })
    let run = try tiny.run("run")
    let copy = tiny.scratch.url.appending(path: "config.json")
    fuzz("run's config.json", [try Data(contentsOf: run.configuration)], share: 3) { data in
      try data.write(to: copy)
      let configuration = try RunConfiguration(contentsOf: copy, run: "run").antlm
      try configuration.validate()
      let schedule = try Schedule(configuration.schedule)
      let plan = try TrainingPlan(schedule, stepsPerEpoch: 7, maximumSteps: configuration.maximumSteps)
      for step in [1, plan.totalSteps] {
        _ = configuration.rate(step: step, of: plan)
        _ = configuration.maskingRate(step: step, of: plan.totalSteps)
        #expect(configuration.length(step: step, of: plan.totalSteps) >= 2)
      }
      _ = configuration.microBatchTokens
    }
  }

  @Test func pairs() throws {
    let scratch = Scratch()
    let file = scratch.url.appending(path: "pairs.jsonl")
    let seed = Data(
      """
      {"sentence_good": "The dog runs.", "sentence_bad": "The dog run.", "UID": "agreement"}
      {"sentence_good": "A b.", "sentence_bad": "A c.", "UID": "other"}

      """.utf8)
    fuzz("pairs", [seed], share: 3) { data in
      try data.write(to: file)
      _ = try MinimalPairs([file.path])
    }
  }

  @Test func classificationExamples() throws {
    let scratch = Scratch()
    let file = scratch.url.appending(path: "mnli.jsonl")
    let seed = Data(
      """
      {"premise": "The dog runs.", "hypothesis": "A dog moves.", "label": 0, "idx": 12}
      {"premise": "A b.", "hypothesis": "A c.", "label": 2, "idx": {"paragraph": 1, "answer": 2}}

      """.utf8)
    fuzz("classification examples", [seed], share: 3) { data in
      try data.write(to: file)
      _ = try ClassificationExamples(file.path, .mnli)
    }
  }
}

/// Damages bytes: bits and bytes changed, pieces cut out, doubled, moved or replaced by what parsers trip over.
private struct Damage {
  private let stream: RandomStream
  private var next: UInt64 = 0

  init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: .sampling) }

  private static let stumblingBlocks = [
    "-1", "0", "1e999", "-0", "9223372036854775807", "9223372036854775808", "18446744073709551616",
    "2147483648", "0.5",
    "1e-320", "null", "true", "{", "}", "[", "]", "\"", ",", ":", "\\", "\\u0000", "\\ud800", "[[[[[[[[",
    "\"\"", "{}", "[]",
    "NaN", "\u{FEFF}", "\u{0}", "../", "999999999",
  ].map { Array($0.utf8) }

  private mutating func below(_ bound: Int) -> Int {
    next += 1
    return Int(stream.word(next)) % max(bound, 1)
  }

  private mutating func range(_ count: Int, most: Int) -> Range<Int> {
    let start = below(count + 1)
    return start..<min(count, start + below(most + 1))
  }

  mutating func damaged(_ data: Data) -> Data {
    var bytes = [UInt8](data)
    for _ in 0...below(4) {
      switch below(9) {
      case 0 where !bytes.isEmpty: bytes[below(bytes.count)] ^= 1 << UInt8(below(8))
      case 1 where !bytes.isEmpty: bytes[below(bytes.count)] = UInt8(below(256))
      case 2: bytes.removeSubrange(range(bytes.count, most: 12))
      case 3: bytes.removeLast(min(bytes.count, 1 + below(40)))
      case 4:
        let piece = Array(bytes[range(bytes.count, most: 30)])
        bytes.insert(contentsOf: piece, at: below(bytes.count + 1))
      case 5:
        let place = range(bytes.count, most: 6)
        bytes.replaceSubrange(place, with: Self.stumblingBlocks[below(Self.stumblingBlocks.count)])
      case 6:
        // A number, where there is one, becomes another.
        let starts = bytes.indices.filter { (48...57).contains(bytes[$0]) }
        guard !starts.isEmpty else { continue }
        let start = starts[below(starts.count)]
        let end = bytes[start...].firstIndex { !(48...57).contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: Self.stumblingBlocks[below(12)])
      case 7 where bytes.count > 1: bytes.swapAt(below(bytes.count), below(bytes.count))
      default: bytes.insert(UInt8(below(256)), at: below(bytes.count + 1))
      }
    }
    return Data(bytes)
  }
}
