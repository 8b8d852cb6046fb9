import AntAutograd
import AntBench
import AntCheck
import AntDevice
import AntFiles
import AntModels
import ArgumentParser
import Foundation

/// `antlm tune`
struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Finds the fastest way for a device to cut its products, and keeps it.",
    discussion: """
      Every way is checked against the reference before it may win, and wins only
      where it beats the device's own rule by more than 3 %. Of products whose sizes
      have the same next powers of two the last decides. What was found is kept
      in ~/.cache/antlm for this device, driver and version, product by product,
      and used from then on; a run records what it began with and goes on with
      that.

      Without --matmul the products of a model's training step are tuned.

      Examples:
        antlm tune --model llama-small --vocab 8192 --batch 16 --length 128
        antlm tune --model llama-97m --batch 64 --length 128 --precision bfloat16
        antlm tune --matmul 4096x1024x384 --layout nt
      """)

  @OptionGroup var compute: DeviceOptionGroup
  @Option(help: "A preset whose products to tune.")
  var model = "llama-mini"
  @Option(help: "Vocabulary of --model.")
  var vocab = 4096
  @Option(help: "Sequences a step of --model.")
  var batch = 32
  @Option(help: "Tokens a sequence of --model.")
  var length = 128
  @Option(parsing: .upToNextOption, help: ArgumentHelp("Products to tune instead.", valueName: "MxNxK"))
  var matmul: [String] = []
  @Option(help: "How the operands of --matmul lie: nn, nt or tn.")
  var layout = Benchmark.Layout.nn
  @Option(
    help:
      "What operands are rounded to before they are multiplied: float32, tf32 or bfloat16, each tuned by itself."
  )
  var precision = Precision.float32
  @Flag(help: "Forget what was found for this device.")
  var reset = false
  @Flag(help: "One JSON object a product.")
  var json = false

  /// A product by its layout and sizes.
  private struct Product: Hashable {
    var layout: Benchmark.Layout
    var m: Int
    var n: Int
    var k: Int
  }

  func validate() throws {
    for text in matmul { _ = try sizes(text, 3, "--matmul") }
    guard (5...1 << 24).contains(vocab), (1...1 << 16).contains(batch), (2...1 << 16).contains(length) else {
      throw ValidationError("--vocab must be 5 to 2^24, --batch 1 to 2^16, --length 2 to 2^16")
    }
    if Architectures.standard.preset(model, vocabularySize: vocab) == nil {
      throw ValidationError(
        "--model must be one of \(Architectures.standard.presetNames.joined(separator: ", "))")
    }
  }

  func run() throws {
    let device = try compute.open()
    if reset {
      device.tuning = Tuning()
      try device.keepTuning()
      warn("\(device.info.name): its own rules decide again")
      return
    }
    let tuner = Tuner(device)
    let products = try self.products()
    var rows = [["products", "tried", "refused", "before ms", "after ms", "choice"]]
    var tuned = 0
    let progress = Progress()
    defer { progress.end() }
    for product in products {
      let (m, n, k) = (product.m, product.n, product.k)
      // Operands once more, where they are packed; C on the device, and on the host twice and in double precision.
      try Benchmark(on: device).require(
        floats: [[m, k], [k, n], [m, k], [k, n]] + Array(repeating: [m, n], count: 5))
    }
    for (index, product) in products.enumerated() {
      let (m, n, k) = (product.m, product.n, product.k)
      guard
        let outcome = try tuner.tune(
          transposeA: product.layout == .tn, transposeB: product.layout == .nt, m: m, n: n, k: k,
          precision: precision)
      else { continue }
      progress.show("tuned \(index + 1) of \(products.count) products", done: index + 1, of: products.count)
      tuned += 1
      try device.keepTuning()
      if json {
        var object = JSONObject()
        object.set("class", outcome.shapeClass)
        object.set("shape", "\(product.layout.rawValue) \(m)x\(n)x\(k)\(precision.suffix)")
        object.set("tried", outcome.tried)
        object.set("refused", outcome.refused)
        object.set("before", outcome.before)
        object.set("after", outcome.after)
        if let choice = outcome.choice { object.set("choice", choice) }
        emit(object)
      } else {
        rows.append([
          "\(product.layout.rawValue) \(m)x\(n)x\(k)\(precision.suffix)", "\(outcome.tried)",
          "\(outcome.refused)",
          String(format: "%.3f", 1000 * outcome.before), String(format: "%.3f", 1000 * outcome.after),
          outcome.choice.map { $0.map(String.init).joined(separator: " ") } ?? "its own rule",
        ])
      }
    }
    progress.end()
    guard tuned > 0 else {
      warn("\(device.info.name) has one way for everything; nothing to tune")
      return
    }
    if !json { emit(table(rows)) }
  }

  private func products() throws -> [Product] {
    guard matmul.isEmpty else {
      return try matmul.map { text in
        let size = try sizes(text, 3, "--matmul")
        return Product(layout: layout, m: size[0], n: size[1], k: size[2])
      }
    }
    guard let configuration = Architectures.standard.preset(model, vocabularySize: vocab) else {
      preconditionFailure("tune: no preset \(model)")
    }
    let architecture = configuration.architecture
    let (width, tokens) = (architecture.hiddenSize, batch * length)
    var products: [Product] = []
    for (outputs, inputs) in architecture.products {
      products += [
        Product(layout: .nt, m: tokens, n: outputs, k: inputs),
        Product(layout: .nn, m: tokens, n: inputs, k: outputs),
        Product(layout: .tn, m: outputs, n: inputs, k: tokens),
      ]
    }
    // The head, a chunk of logits at a time.
    let rows = min(tokens, max(1, Tape.defaultLogitsPerChunk / vocab))
    products += [
      Product(layout: .nt, m: rows, n: vocab, k: width), Product(layout: .nn, m: rows, n: width, k: vocab),
      Product(layout: .tn, m: vocab, n: width, k: rows),
    ]
    var seen: Set<Product> = []
    return products.filter { seen.insert($0).inserted }
  }
}
