import AntAutograd
import AntBatch
import AntBench
import AntDevice
import AntFiles
import AntModels
import AntReport
import AntText
import AntTraining
import ArgumentParser
import Foundation

/// `antlm bench`
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract:
      "Times operations, training steps and generation, and says what part of the device's peak they reach.",
    discussion: """
      First the device's own limits are measured: multiply-adds, and a copy. The
      share is the time these limits would take, the longer of the two, as a part
      of the time taken. Figures are medians; with the middle half of the runs.
      The first run of a row may compile kernels; that of a training step counts
      from before the model is made: the time to the first step.

      Without --family, --matmul, --attention or --model some of each is run.

      Examples:
        antlm bench --device cpu
        antlm bench --json > before.jsonl
        antlm bench --compare before.jsonl after.jsonl
        antlm bench --family softmax normalization
        antlm bench --matmul 1024x1024x1024 --layout nt --precision tf32
        antlm bench --model llama-mini --vocab 4096 --batch 32 --length 128
        antlm bench --model llama-mini --objective CLM MLM '[MLM:1+CLM:1]' --optimizer muon
        antlm bench --model llama-mini --length 16 --generate 256
        antlm bench --model ltg-bert-base --vocab 16384 --checkpoint .
      """)

  /// What is run where no sizes are given.
  enum Family: String, CaseIterable, ExpressibleByArgument {
    case matmul, attention, softmax, normalization, crossEntropy, optimizer, step, generate
  }

  @OptionGroup var compute: DeviceOptionGroup

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Compares two files of --json instead, row by row.", valueName: "before after"))
  var compare: [String] = []
  @Option(
    parsing: .upToNextOption,
    help: "matmul, attention, softmax, normalization, crossEntropy, optimizer, step, generate, or several.")
  var family: [Family] = []
  @Option(parsing: .upToNextOption, help: ArgumentHelp("Products to time.", valueName: "MxNxK"))
  var matmul: [String] = []
  @Option(help: "How the operands of --matmul lie: nn, nt or tn.")
  var layout = Benchmark.Layout.nn
  @Option(
    help: "Of the products of --matmul, of --attention and of training steps: float32, tf32 or bfloat16.")
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
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Objectives or mixtures of --model: \(Objectives.standard.names.joined(separator: ", ")), [MLM:1+CLM:1]. "
        + "(default: CLM MLM)", valueName: "objective"))
  var objective: [String] = []
  @Option(help: "Optimizer of --model: \(OptimizerRules.standard.names.joined(separator: ", ")).")
  var optimizer = "adamw"
  @Option(help: "Runs the median is taken of.")
  var repeats = 7
  @Flag(help: "Leave out the device's own limits, and with them the shares.")
  var noPeaks = false
  @Flag(help: "One JSON object a line.")
  var json = false

  func validate() throws {
    guard compare.isEmpty || compare.count == 2 else {
      throw ValidationError("--compare takes two files, and was given \(compare.count)")
    }
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
    for notation in objective {
      do {
        _ = try Mixture(notation: notation)
      } catch {
        throw ValidationError(
          "--objective is '\(notation)'; it must be one of \(Objectives.standard.names.joined(separator: ", ")), "
            + "or a mixture such as [MLM:3+CLM:1]")
      }
    }
    guard OptimizerRules.standard[optimizer] != nil else {
      throw ValidationError(
        "--optimizer is '\(optimizer)'; it must be one of \(OptimizerRules.standard.names.joined(separator: ", "))"
      )
    }
    guard checkpoint == nil || model != nil else { throw ValidationError("--checkpoint needs --model") }
    if let model, Architectures.standard.preset(model, vocabularySize: vocab) == nil {
      throw ValidationError(
        "--model must be one of \(Architectures.standard.presetNames.joined(separator: ", "))")
    }
  }

  func run() throws {
    guard compare.isEmpty else { return try showComparison() }
    let device = try compute.open()
    var bench = Benchmark(on: device, repeats: repeats)
    if !noPeaks { for result in try bench.measurePeaks() { show(result) } }
    let isPlain = matmul.isEmpty && attention.isEmpty && model == nil
    let families = !family.isEmpty ? family : isPlain ? Family.allCases : []
    for family in families { try run(family, bench) }
    for text in matmul {
      let size = try sizes(text, 3, "--matmul")
      show(try bench.matmul(layout, m: size[0], n: size[1], k: size[2], precision: precision))
    }
    for text in attention { try run(attention: text, bench) }
    if let model { try run(model: model, bench) }
    compute.printProfile(of: device)
  }

  /// Sizes of a llama-mini's training, and beyond them.
  private func run(_ family: Family, _ bench: Benchmark) throws {
    switch family {
    case .matmul:
      for layout in Benchmark.Layout.allCases {
        for (m, n, k) in [(1024, 1024, 1024), (4096, 1024, 384), (4096, 384, 384)] {
          // Gradients of weights sum over the tokens.
          show(
            layout == .tn
              ? try bench.matmul(layout, m: n, n: k, k: m) : try bench.matmul(layout, m: m, n: n, k: k))
        }
      }
    case .attention:
      for text in ["32x4x128x64", "4x6x512x64"] { try run(attention: text, bench) }
    case .softmax: for result in try bench.softmax(rows: 4096, columns: 1024) { show(result) }
    case .normalization:
      for kind in [Normalization.Kind.rms, .layer] {
        for result in try bench.normalization(kind, rows: 8192, columns: 384) { show(result) }
      }
    case .crossEntropy: show(try bench.crossEntropy(rows: 1024, vocabulary: 8192))
    case .optimizer: show(try bench.adamW(parameters: 1 << 24))
    case .step:
      for preset in Architectures.standard.benchmarkPresets { try steps(of: preset, bench) }
    case .generate:
      for preset in Architectures.standard.benchmarkPresets.prefix(1) {
        try generation(of: preset, prompt: 16, tokens: 128, bench)
      }
    }
  }

  private func run(attention text: String, _ bench: Benchmark) throws {
    let size = try sizes(text, 4, "--attention")
    for pattern in [AttentionMask.Pattern.causal, .bidirectional] {
      for result in try bench.attention(
        pattern, batch: size[0], heads: size[1], length: size[2], headDimension: size[3], buckets: buckets,
        dropout: dropout, precision: precision)
      { show(result) }
    }
  }

  private func run(model preset: String, _ bench: Benchmark) throws {
    if let checkpoint {
      show(try bench.checkpoint(architecture(preset), preset: preset, in: checkpoint))
    }
    if let generate { try generation(of: preset, prompt: length, tokens: generate, bench) }
    if generate == nil, checkpoint == nil { try steps(of: preset, bench) }
  }

  private func steps(of preset: String, _ bench: Benchmark) throws {
    let usual = Objectives.standard.all.filter { $0.isAlwaysEvaluated }.map { $0.name }
    guard let rule = OptimizerRules.standard[optimizer] else {
      preconditionFailure("bench: no optimizer \(optimizer)")
    }
    for notation in objective.isEmpty ? usual : objective {
      show(
        try bench.trainingStep(
          architecture(preset), preset: preset, mixture: Mixture(notation: notation), batch: batch,
          length: length, precision: precision, rule: rule))
    }
  }

  private func generation(of preset: String, prompt: Int, tokens: Int, _ bench: Benchmark) throws {
    show(
      try bench.generation(
        architecture(preset, room: tokens), preset: preset, prompt: prompt, tokens: tokens))
  }

  /// - Parameter room: tokens after the first ``length``.
  private func architecture(_ preset: String, room: Int = 0) -> any Architecture {
    guard
      let configuration = Architectures.standard.preset(
        preset, vocabularySize: vocab, maximumLength: max(512, length + room))
    else { preconditionFailure("bench: no preset \(preset)") }
    return configuration.architecture
  }

  private func show(_ result: Benchmark.Result) {
    if json {
      var object = JSONObject()
      object.set("benchmark", result.benchmark)
      object.set("shape", result.shape)
      object.set("device", result.device)
      object.set("seconds", result.seconds)
      object.set("lowerQuartile", result.lowerQuartile)
      object.set("upperQuartile", result.upperQuartile)
      object.set("firstSeconds", result.firstSeconds)
      object.set("gflops", result.gflops)
      object.set("gigabytesPerSecond", result.gigabytesPerSecond)
      object.set("shareOfPeak", result.shareOfPeak)
      object.set("tokensPerSecond", result.tokensPerSecond)
      object.set("peakBytes", result.peakBytes)
      emit(object)
    } else {
      var line = "\(result.benchmark) \(result.shape) on \(result.device): "
      line += String(format: "%.3f ms", 1000 * result.seconds)
      line += String(
        format: " (%.3f to %.3f, first %.3f)", 1000 * result.lowerQuartile, 1000 * result.upperQuartile,
        1000 * result.firstSeconds)
      if let gflops = result.gflops { line += String(format: ", %.1f GFLOP/s", gflops) }
      if let bytes = result.gigabytesPerSecond { line += String(format: ", %.1f GB/s", bytes) }
      if let share = result.shareOfPeak { line += String(format: ", %.0f %% of peak", 100 * share) }
      if let tokens = result.tokensPerSecond { line += String(format: ", %.0f tokens/s", tokens) }
      emit(line)
    }
  }

  private func showComparison() throws {
    let comparison = try BenchmarkComparison(compare[0], compare[1])
    if json {
      for row in comparison.rows {
        var object = JSONObject()
        object.set("benchmark", row.benchmark)
        object.set("shape", row.shape)
        object.set("before", row.before)
        object.set("after", row.after)
        object.set("speedup", row.speedup)
        object.set("overlaps", row.overlaps)
        emit(object)
      }
    } else {
      var rows = [["", "before ms", "after ms", "change"]]
      for row in comparison.rows {
        let change = String(format: "%+.1f %%", 100 * (row.after / row.before - 1))
        rows.append([
          "\(row.benchmark) \(row.shape)", String(format: "%.3f", 1000 * row.before),
          String(format: "%.3f", 1000 * row.after), change + (row.overlaps ? " (may be noise)" : ""),
        ])
      }
      emit(table(rows))
    }
    for (names, file) in [(comparison.onlyBefore, compare[0]), (comparison.onlyAfter, compare[1])] {
      for name in names { warn("\(name): only in \(file)") }
    }
  }
}

extension Benchmark.Layout: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// The sizes that `option` was given as `1024x1024x384`.
func sizes(_ text: String, _ count: Int, _ option: String) throws -> [Int] {
  let sizes = text.split(separator: "x", omittingEmptySubsequences: false).compactMap { Int($0) }
  guard sizes.count == count, sizes.allSatisfy({ (1...1 << 20).contains($0) }) else {
    throw ValidationError(
      "\(option) is '\(text)'; it must be \(count) sizes from 1 to \(1 << 20), such as "
        + (count == 3 ? "1024x1024x384" : "32x4x128x64"))
  }
  return sizes
}
