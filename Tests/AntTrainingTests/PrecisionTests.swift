import AntBatch
import AntDevice
import AntDevices
import AntModels
import AntTestSupport
import Foundation
import Testing

@testable import AntTraining

/// Training below float32: as good, as deterministic, and recorded.
@Suite(.serialized) struct PrecisionTests {
  /// A device and the kernels it runs, if it is an OpenCL one.
  struct Place: CustomTestStringConvertible, Sendable {
    var device: String
    var kernels = KernelSet.automatic
    var testDescription: String { device == "cpu" ? "cpu" : "\(device), \(kernels.rawValue) kernels" }

    func open() throws -> any Device {
      try Devices.open(device, options: DeviceOptions(kernels: kernels)).device
    }

    static let all: [Place] =
      [Place(device: "cpu")]
      + (Devices.find().devices.contains { $0.identifier.hasPrefix("opencl") && $0.kind != .simulator }
        ? [KernelSet.cpu, .gpu].map { Place(device: "opencl", kernels: $0) } : [])
  }

  /// Says so where there is no OpenCL device to run on.
  @Test(.openCL) func openCLTakesPart() { #expect(Place.all.count == 3) }

  @Test(arguments: Place.all) func thirtyStepsEndWhereFloat32Does(_ place: Place) throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("15s_CLM+15s_MLM")
    configuration.evaluateEvery = 0
    configuration.checkpointEvery = 0
    var last: [Precision: (step: Float, dev: [String: Double])] = [:]
    for precision in Precision.allCases {
      configuration.precision = precision
      for name in ["\(precision)", "\(precision) again"] {
        let trainer = try TrainingRun.start(
          configuration, tokenizerFile: tiny.tokenizerFile, in: tiny.scratch.path(name), on: place.open())
        #expect(
          try trainer.train(report: { last[precision] = ($0.loss ?? .nan, $0.devLosses) }) == .finished)
      }
      try tiny.expectEqual("\(precision)", "\(precision) again", "\(precision), twice")
    }
    let float32 = try #require(last[.float32])
    for precision in [Precision.tf32, .bfloat16] {
      let rounded = try #require(last[precision])
      // Something was rounded, and it did no harm.
      #expect(rounded.step != float32.step)
      #expect(abs(rounded.step / float32.step - 1) < 0.01, "\(precision): \(rounded), \(float32)")
      for (objective, loss) in rounded.dev {
        let ratio = try loss / #require(float32.dev[objective])
        #expect(abs(ratio - 1) < 0.01, "\(precision), dev \(objective): \(ratio)")
      }
    }
  }

  /// What is asked of a model is answered in float32, however it is trained.
  @Test func evaluationsAreNotRounded() throws {
    let tiny = try TinyRun()
    let model = try ModelConfiguration(contentsOf: URL(filePath: tiny.model)).architecture
      .makeModel(seed: 1, on: tiny.device())
    let input = Batch(
      ids: [5, 6, 7, 8], mask: AttentionMask(.causal, sequences: 1, length: 4), labelRows: [0, 1, 2],
      labels: [6, 7, 8])
    let losses = try model.losses(input)
    model.precision = .bfloat16
    #expect(try model.losses(input) == losses)
  }

  @Test func resumingKeepsThePrecision() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration("6s_CLM")
    configuration.precision = .tf32
    #expect(try tiny.start("whole", configuration).train() == .finished)
    do {
      let stopped = try tiny.start("stopped", configuration)
      #expect(try stopped.train(until: { stopped.step >= 2 }) == .stopped(step: 2))
    }
    #expect(try tiny.resume("stopped").train() == .finished)
    try tiny.expectEqual("whole", "stopped", "stopped after 2")
    let file = try tiny.run("stopped").configuration
    #expect(try String(contentsOf: file, encoding: .utf8).contains(#""precision" : "tf32""#))
  }

  /// Runs from before there was a choice have no such key; one that nobody knows is refused.
  @Test func olderRunsAreFloat32() throws {
    let tiny = try TinyRun()
    do { _ = try tiny.start("run") }
    let file = try tiny.run("run").configuration
    let text = try String(contentsOf: file, encoding: .utf8)
    let key = #""precision" : "float32","#
    #expect(text.contains(key))
    try Data(text.replacingOccurrences(of: key, with: "").utf8).write(to: file)
    #expect(try RunConfiguration(contentsOf: file, run: "run").antlm.precision == .float32)
    #expect(try tiny.resume("run").model.precision == .float32)
    try Data(text.replacingOccurrences(of: key, with: #""precision" : "float8","#).utf8).write(to: file)
    let error = #expect(throws: RunError.self) { try RunConfiguration(contentsOf: file, run: "run") }
    #expect("\(error as Any)".contains("precision"))
  }

  /// A study's `training` and a recipe name options as config.json does.
  @Test func recipesMaySetIt() throws {
    var options = TrainingConfiguration(model: "", schedule: "", training: [])
    let option = try #require(TrainingOptions.list.first { $0.name == "precision" })
    #expect(option.take("bfloat16", in: &options) && options.precision == .bfloat16)
    #expect(!option.take("half", in: &options) && options.precision == .bfloat16)
  }
}
