import AntDevices
import AntInference
import AntModels
import AntText
import AntTraining
import Foundation
import Models
import Text

// Text and tokenizer, made here.
var english = SimpleEnglish(seed: 1)
let lines = (0..<2000).map { _ in english.line() }
let scratch = FileManager.default.temporaryDirectory.appending(path: "antlm-example-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(at: scratch) }
let file = scratch.appending(path: "text.txt")
try Data(lines.joined(separator: "\n").utf8).write(to: file)
let tokenizer = try Tokenizer.train(on: [file], TokenizerOptions(vocabularySize: 400))

// A model, text and objectives that are values: nothing is read from a path.
let architectures = Architectures.standard + [Shared.self]
let objectives = Objectives.standard + [Backwards()]
let specials = tokenizer.specials
let model = ModelConfiguration(
  Shared(vocabularySize: tokenizer.vocabularySize, hiddenSize: 64, layers: 2, heads: 2, maximumLength: 64)
).withSpecialTokens(
  beginning: Int(specials.beginning), end: Int(specials.end), padding: Int(specials.padding))
let text = TrainingText(
  training: TokenCorpus(lines: lines.dropLast(100), tokenizer: tokenizer),
  development: TokenCorpus(lines: lines.suffix(100), tokenizer: tokenizer))

var configuration = TrainingConfiguration(
  model: "shared", schedule: "60s_CLM+60s_MLM+60s_Backwards+60s_CLM", training: [])
configuration.batch = 16
configuration.length = 32
configuration.learningRate = 5e-3
configuration.evaluateEvery = 0

let device = try Devices.open("auto").device
let run = scratch.appending(path: "run").path
let trainer = try TrainingRun.start(
  configuration, model: model, tokenizer: tokenizer, text: text, in: run, on: device, objectives: objectives)
_ = try trainer.train(report: { report in
  guard !report.devLosses.isEmpty else { return }
  let losses = report.devLosses.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
  print("step \(report.step), \(report.metrics.objective ?? ""): \(losses.joined(separator: ", "))")
})

let trained = try TrainedModel(run, on: device, architectures: architectures)
let written = try Generator(trained)(
  prompt: tokenizer.encode("The"), tokens: 20, sampler: Sampler(temperature: 0))
print(tokenizer.decode(written[0]))
