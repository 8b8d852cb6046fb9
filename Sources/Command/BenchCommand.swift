import AntLM
import ArgumentParser
import Device
import Files
import Foundation
import Models

/// `antlm bench`
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times matmul, attention, training steps, generation and checkpoints on a device.",
    discussion: """
      Examples:
        antlm bench --device cpu
        antlm bench --matmul 1024x1024x1024 --layout nt --precision tf32 --json
        antlm bench --model llama-mini --vocab 4096 --batch 32 --length 128
        antlm bench --model llama-mini --length 16 --generate 256
        antlm bench --model ltg-bert-base --vocab 16384 --checkpoint .
      Without --matmul, --attention or --model a small set of each is run.
      """)

  @OptionGroup var compute: DeviceOptionGroup

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Products to time.", valueName: "MxNxK"))
  var matmul: [String] = []
  @Option(help: "How the operands of --matmul lie: nn, nt or tn.")
  var layout = Benchmark.Layout.nn
  @Option(help: "Of the products of --matmul and of training steps: float32, tf32 or bfloat16.")
  var precision = Precision.float32
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Attentions to time, causal and bidirectional.", valueName: "batch x heads x length x head"))
  var attention: [String] = []
  @Option(help: "Buckets of relative positions in --attention; 0 for none.")
  var buckets = 0
  @Option(help: "Part of the weights --attention drops.")
  var dropout: Float = 0
  @Option(help: "A preset whose training step, or with --generate whose generation, to time.")
  var model: String?
  @Option(help: "Vocabulary of --model.")
  var vocab = 4096
  @Option(help: "Sequences a step of --model.")
  var batch = 32
  @Option(help: "Tokens a sequence of --model, or of the prompt.")
  var length = 128
  @Option(help: "Tokens to generate with --model, greedily, one text.")
  var generate: Int?
  @Option(help: ArgumentHelp("Where to save a checkpoint of --model, for a moment.", valueName: "folder"))
  var checkpoint: String?
  @Option(help: "Objective of --model, CLM or MLM. (default: both)")
  var objective: Benchmark.ObjectiveKind?
  @Option(help: "Runs the median is taken of.")
  var repeats = 7
  @Flag(help: "One JSON object a line.")
  var json = false

  func validate() throws {
    for text in matmul { _ = try sizes(text, 3, "--matmul") }
    for text in attention { _ = try sizes(text, 4, "--attention") }
    guard (0...PositionScores.maximumBuckets).contains(buckets), dropout >= 0, dropout < 1 else {
      throw ValidationError(
        "--buckets must be 0 to \(PositionScores.maximumBuckets), --dropout 0 or more and below 1")
    }
    if let wide = attention.first(where: {
      (try? sizes($0, 4, "")[3]) ?? 0 > AttentionShape.maximumHeadDimension
    }) {
      throw ValidationError(
        "--attention is '\(wide)'; heads may be \(AttentionShape.maximumHeadDimension) wide at most")
    }
    guard (1...1000).contains(repeats) else { throw ValidationError("--repeats must be 1 to 1000") }
    guard (5...1 << 24).contains(vocab), (1...1 << 16).contains(batch), (2...1 << 16).contains(length) else {
      throw ValidationError("--vocab must be 5 to 2^24, --batch 1 to 2^16, --length 2 to 2^16")
    }
    if let generate {
      guard (1...1 << 16).contains(generate), model != nil else {
        throw ValidationError("--generate must be 1 to 2^16, and needs --model")
      }
    }
    guard checkpoint == nil || model != nil else { throw ValidationError("--checkpoint needs --model") }
    if let model, ModelConfiguration.preset(model, vocabularySize: vocab) == nil {
      throw ValidationError(
        "--model must be one of \(ModelConfiguration.presetNames.joined(separator: ", "))")
    }
  }

  func run() throws {
    let device = try compute.open()
    let bench = Benchmark(on: device, repeats: repeats)
    let all = matmul.isEmpty && attention.isEmpty && model == nil
    for text in all ? ["512x512x512", "1024x1024x1024", "4096x1024x384"] : matmul {
      let size = try sizes(text, 3, "--matmul")
      try show(bench.matmul(layout, m: size[0], n: size[1], k: size[2], precision: precision))
    }
    for text in all ? ["32x4x128x64"] : attention {
      let size = try sizes(text, 4, "--attention")
      for pattern in [AttentionMask.Pattern.causal, .bidirectional] {
        try show(
          bench.attention(
            pattern, batch: size[0], heads: size[1], length: size[2], headDimension: size[3],
            buckets: buckets, dropout: dropout))
      }
    }
    if let preset = model ?? (all ? "llama-micro" : nil),
      let configuration = ModelConfiguration.preset(
        preset, vocabularySize: vocab, maximumLength: max(512, length + (generate ?? 0)))
    {
      if let checkpoint {
        try show(bench.checkpoint(configuration.architecture, preset: preset, in: checkpoint))
      }
      if let generate {
        try show(
          bench.generation(configuration.architecture, preset: preset, prompt: length, tokens: generate))
      }
      for objective in generate != nil || checkpoint != nil
        ? [] : objective.map({ [$0] }) ?? Benchmark.ObjectiveKind.allCases
      {
        try show(
          bench.trainingStep(
            configuration.architecture, preset: preset, objective: objective, batch: batch, length: length,
            precision: precision))
      }
    }
    compute.printProfile(of: device)
  }

  private func sizes(_ text: String, _ count: Int, _ option: String) throws -> [Int] {
    let sizes = text.split(separator: "x", omittingEmptySubsequences: false).compactMap { Int($0) }
    guard sizes.count == count, sizes.allSatisfy({ (1...1 << 20).contains($0) }) else {
      throw ValidationError(
        "\(option) is '\(text)'; it must be \(count) sizes such as "
          + (count == 3 ? "1024x1024x384" : "32x4x128x64"))
    }
    return sizes
  }

  private func show(_ result: Benchmark.Result) throws {
    if json {
      var object = JSONObject()
      object.set("benchmark", result.benchmark)
      object.set("shape", result.shape)
      object.set("device", result.device)
      object.set("seconds", result.seconds)
      object.set("lowerQuartile", result.lowerQuartile)
      object.set("upperQuartile", result.upperQuartile)
      object.set("gflops", result.gflops)
      object.set("tokensPerSecond", result.tokensPerSecond)
      object.set("peakBytes", result.peakBytes)
      emit(object)
    } else {
      var line = "\(result.benchmark) \(result.shape) on \(result.device): "
      line += String(format: "%.3f ms", 1000 * result.seconds)
      if let gflops = result.gflops { line += String(format: ", %.1f GFLOP/s", gflops) }
      if let tokens = result.tokensPerSecond { line += String(format: ", %.0f tokens/s", tokens) }
      emit(line)
    }
  }
}

extension Benchmark.Layout: ExpressibleByArgument {}
extension Benchmark.ObjectiveKind: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
