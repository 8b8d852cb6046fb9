import AntFiles
import AntText
import Foundation
import Testing

@testable import AntTraining

@Suite struct TrainingOptionsTests {
  /// A value that is not the default, as a user writes it, for every option that is offered.
  static let others = [
    "model": "llama-mini", "schedule": "2_CLM", "batch": "7", "accumulate": "3", "length": "64:50%,128",
    "maximumSteps": "9", "seed": "18446744073709551615", "learningRate": "0.25,MLM=0.5", "weight": "CLM=2",
    "dealing": "drawn", "matrixLearningRate": "0.5", "momentum": "0.5", "bestBy": "CLM", "documents": "true",
    "initialModel": "other",
    "learningRateShape": "wsd", "rewarmup": "5%", "zLoss": "0.5", "learningRateDecay": "300",
    "learningRateDecayShape": "sqrt", "learningRateFloor": "0.5",
    "warmup": "30", "learningRateSpan": "phase", "optimizer": "lamb", "optimizerState": "reset",
    "beta1": "0.5", "beta2": "0.75", "epsilon": "0.125", "weightDecay": "0", "clip": "inf", "ema": "0.5",
    "dropout": "0.25", "maskRate": "0.5", "finalMaskRate": "0.25", "maskUnit": "spans", "precision": "tf32",
    "evaluateEvery": "0", "evaluateFirst": "true", "evaluationSequences": "0", "checkpointEvery": "0",
    "keep": "0",
  ]
  private let initial = TrainingConfiguration(model: "", schedule: "", training: [])

  @Test func namesAreThoseOfTheMembersAndFlagsDiffer() {
    let labels = Mirror(reflecting: TrainingOptions()).children.compactMap(\.label)
    #expect(TrainingOptions.list.map(\.name) == labels)
    let offered = TrainingOptions.list.filter { $0.offer != nil }
    #expect(Set(offered.map(\.name)) == Set(Self.others.keys))
    #expect(Set(offered.compactMap(\.offer?.flag)).count == offered.count)
  }

  /// Each option by itself: taken from a text, kept by config.json, told from the default.
  @Test(arguments: others.keys.sorted()) func isTakenKeptAndCompared(name: String) throws {
    let option = try #require(TrainingOptions.list.first { $0.name == name })
    var configuration = initial
    #expect(option.take(try #require(Self.others[name]), in: &configuration))
    #expect(configuration != initial && !option.agrees(configuration, initial))
    for other in TrainingOptions.list where other.name != name {
      #expect(other.agrees(configuration, initial), "\(other.name)")
    }
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    #expect(
      try decoder.decode(TrainingConfiguration.self, from: encoder.encode(configuration)) == configuration)
    // What a study and a run taken up compare: where things lie and what is found out does not count.
    #expect(configuration.isBegun(from: initial) == (option.role == .place))
  }

  @Test func numbersByObjectiveAddUp() throws {
    let former: ObjectiveValues = 1e-3
    #expect(try #require(ObjectiveValues("2e-3", over: former)) == ObjectiveValues(2e-3))
    let one = try #require(ObjectiveValues("MLM=2e-3", over: former))
    #expect(one == ObjectiveValues(1e-3, own: ["MLM": 2e-3]) && one.description == "0.001,MLM=0.002")
    #expect(ObjectiveValues("CLM=1,MLM=3", over: one)?.own == ["CLM": 1, "MLM": 3])
    #expect(try #require(ObjectiveValues("5", over: one)) == ObjectiveValues(5))
    #expect(one.mean(over: Mixture([.init("MLM", share: 3), .init("CLM")])) == (3 * 2e-3 + 1e-3) / 4)
    for text in [
      "", ",", "x", "CLM", "CLM=", "=1", "CLM=1=2", "CLM=1,2", "1,2", "1,CLM=x", "CLM= 1", "CLM=1,CLM=2",
      "1,CLM=1,MLM=2,CLM=1",
    ] {
      #expect(ObjectiveValues(text, over: former) == nil, "\(text)")
    }
    let option = try #require(TrainingOptions.list.first { $0.name == "weight" })
    #expect(option.complaint(aboutText: "CLM=1,MLM=2,CLM=2") == "one value for CLM")
    #expect(option.complaint(aboutText: "CLM=1,MLM=2") == nil)
    let steps = try #require(TrainingOptions.list.first { $0.name == "maximumSteps" })
    #expect(steps.complaint(aboutText: "2.5") == "a whole number" && steps.complaint(aboutText: "2") == nil)
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(ObjectiveValues.self, from: Data("\"1,MLM=1,MLM=2\"".utf8))
    }
    #expect(error?.problem.contains("two values for MLM") == true)
  }

  /// A value above a range is told where that ends.
  @Test(arguments: [
    ("learningRate", "101", "at most 100"), ("learningRate", "MLM=101", "at most 100"),
    ("weight", "CLM=1e7", "0 to 1000000"), ("matrixLearningRate", "101", "at most 100"),
    ("weightDecay", "101", "0 to 100"), ("epsilon", "1", "below 1"), ("length", "1000001", "2 to 1000000"),
    ("warmup", "101%", "0% to 100%"), ("rewarmup", "101%", "0% to 100%"), ("zLoss", "2", "0 to 1"),
  ])
  func rangesAreSaidWhole(name: String, value: String, expected: String) throws {
    let option = try #require(TrainingOptions.list.first { $0.name == name })
    var configuration = initial
    #expect(option.take(value, in: &configuration))
    #expect(option.complaint(about: configuration)?.contains(expected) == true)
  }

  /// A config.json without an option is another version's, but for those that need not be there.
  @Test func whatIsMissingIsMissed() throws {
    let whole = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(initial)) as? [String: Any])
    for option in TrainingOptions.list {
      var members = whole
      members[option.name] = nil
      let data = try JSONSerialization.data(withJSONObject: members)
      let read = try? JSONDecoder().decode(TrainingConfiguration.self, from: data)
      let isOptional = [
        "maximumSteps", "dropout", "finalMaskRate", "precision", "tuning", "weight", "dealing",
        "learningRateShape", "learningRateDecay", "learningRateDecayShape", "rewarmup", "zLoss",
        "documents", "initialModel", "extensions", "matrixLearningRate", "momentum", "bestBy",
      ].contains(
        option.name)
      #expect((read != nil) == isOptional, "\(option.name)")
    }
  }
}
