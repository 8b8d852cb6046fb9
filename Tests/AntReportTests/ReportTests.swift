import AntFiles
import AntModels
import AntTestSupport
import Foundation
import Testing

@testable import AntEvaluation
@testable import AntReport
@testable import AntTraining

@Suite struct ReportTests {
  private let scratch = Scratch()

  /// A run without weights: its options, and a log of `steps` steps with phases of ten of them.
  private func makeRun(
    _ name: String = "run", schedule: String = "10s_CLM+10s_MLM+10s_CLM", steps: Int = 30, dev: Bool = true,
    tail: String = "", _ change: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> RunRecord {
    var configuration = TrainingConfiguration(model: "llama-micro", schedule: schedule, training: ["t.txt"])
    configuration.trainingTokens = 100_000
    change(&configuration)
    let model = LlamaConfiguration(
      vocabularySize: 300, hiddenSize: 16, intermediateSize: 24, layers: 1, heads: 2, maximumLength: 32,
      initializerRange: 0.1)
    try FileSystem.makeFolder(URL(filePath: scratch.path(name)))
    try RunConfiguration(model: .init(model), antlm: configuration).write(
      to: URL(filePath: scratch.path("\(name)/config.json")))
    let lines = (0..<steps).map { index -> String in
      let step = index + 1
      let phase = index / 10
      let devLoss = dev && step % 10 == 0 ? ",\"devLossCLM\":\(step),\"devLossMLM\":7.5" : ""
      return "{\"step\":\(step),\"epoch\":1,\"phase\":\(phase + 1),"
        + "\"objective\":\"\(["CLM", "MLM"][phase % 2])\","
        + "\"loss\":\(9 - Double(step) / 10),\"gradientNorm\":1.5,\"learningRate\":0.001\(devLoss),"
        + "\"tokensPerSecond\":1000.0,\"secondsElapsed\":\(step)}\n"
    }
    _ = try scratch.write(lines.joined() + tail, to: "\(name)/metrics.jsonl")
    return try RunRecord(scratch.path(name))
  }

  /// Reads a page strictly, and finds nothing in it that would run or load.
  private func expectSound(_ page: String, sourceLocation: SourceLocation = #_sourceLocation) -> WellFormed {
    let read = WellFormed(page)
    #expect(read.problem == nil, sourceLocation: sourceLocation)
    #expect(page.hasPrefix("<!DOCTYPE html>\n<html"), sourceLocation: sourceLocation)
    let names = Set(read.elements.map(\.name))
    let known: Set = [
      "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "div", "figure",
      "table",
      "thead", "tbody", "tr", "th", "td", "span", "svg", "path", "line", "rect", "circle", "polygon", "text",
    ]
    #expect(names.isSubset(of: known), "\(names.subtracting(known))", sourceLocation: sourceLocation)
    let attributes = Set(read.elements.flatMap(\.attributes.keys))
    #expect(
      attributes.isDisjoint(with: ["src", "href", "xlink:href", "srcset", "style"]),
      sourceLocation: sourceLocation)
    #expect(!attributes.contains { $0.hasPrefix("on") }, sourceLocation: sourceLocation)
    for loading in ["url(", "@import", "<script", "<link", "<iframe"] {
      #expect(!page.contains(loading), "\(loading)", sourceLocation: sourceLocation)
    }
    let addresses = page.replacing("xmlns=\"http://www.w3.org/2000/svg\"", with: "")
    #expect(!addresses.contains("http://") && !addresses.contains("https://"), sourceLocation: sourceLocation)
    #expect(!read.coordinates.contains { !$0.isFinite }, sourceLocation: sourceLocation)
    return read
  }

  @Test func oneRunHasItsCurves() throws {
    let page = expectSound(Report([try makeRun()]).html)
    #expect(page.count("svg") == 5 && page.count("figure") == 5)
    for text in ["Run run", "10s_CLM+10s_MLM+10s_CLM", "llama-micro", "30", "100 k tokens", "00:30"] {
      #expect(page.text.contains(text), "\(text)")
    }
    // Three phases behind each of five plots.
    #expect(page.elements.count { $0.attributes["class"]?.hasPrefix("band color") == true } == 15)
    // Without a development text there is no plot of it.
    #expect(expectSound(Report([try makeRun("nodev", dev: false)]).html).count("svg") == 4)
  }

  @Test func severalRunsAreLaidOverOneAnother() throws {
    let runs = try [
      makeRun("a"), makeRun("b", steps: 17), makeRun("c", steps: 0), makeRun("d", dev: false),
    ]
    let page = expectSound(Report(runs).html)
    // Loss and dev loss of each objective, rate, norm, throughput.
    #expect(page.count("svg") == 7)
    // The phases of b are the beginning of a's: one shading for all.
    #expect(page.elements.count { $0.attributes["class"]?.contains("neutral tone") == true } == 7 * 3)
    #expect(page.text.contains("17 of 30") && page.text.contains("0 of 30"))
    // Phases of its own: a strip a run.
    let other = try makeRun("e", schedule: "5s_MLM") { _ in }
    _ = try scratch.write(
      "{\"step\":1,\"phase\":1,\"objective\":\"MLM\",\"loss\":3}\n", to: "e/metrics.jsonl")
    let mixed = RunCurves(runs: [runs[0], try RunRecord(other.path)], names: ["a", "e"]).plots
    #expect(mixed[0].shading.isEmpty && mixed[0].ribbons.map(\.bands.count) == [3, 1])
    #expect(mixed[0].series.map(\.label) == ["a"] && mixed[1].series.map(\.label) == ["a", "e"])
  }

  @Test func phasesAreThoseOfTheLog() throws {
    let run = try makeRun(steps: 25)
    #expect(
      run.phases == [
        .init(objective: "CLM", steps: 0...10), .init(objective: "MLM", steps: 10...20),
        .init(objective: "CLM", steps: 20...25),
      ])
    #expect(run.totalSteps == 30 && run.objectives == ["CLM", "MLM"])
  }

  @Test func textCannotBreakThePage() throws {
    let hostile = "</title></td><script>alert('\"&')</script><img src=\"http:x\" onerror=alert(1)> ]]> \u{1}"
    let run = try makeRun("a<b>&'\"", schedule: hostile) {
      $0.model = hostile
      $0.deviceName = hostile
    }
    try EvaluationLog(of: run.folder).append([
      .init(
        kind: hostile, scoring: hostile, rule: hostile, phenomenon: hostile, accuracy: 0.5, pairs: 2, step: 3)
    ])
    _ = try scratch.write(
      "{\"step\":1,\"phase\":1,\"objective\":\(JSONObject.quoted(hostile)),\"loss\":1,"
        + "\(JSONObject.quoted("devLoss" + hostile)):2}\n", to: "a<b>&'\"/metrics.jsonl")
    let page = expectSound(Report([try RunRecord(run.path)], title: hostile).html)
    let shown = hostile.replacing("\u{1}", with: "\u{fffd}")
    // Title, heading, table and evaluation show it as it is.
    #expect(page.text.ranges(of: shown).count >= 6)
  }

  @Test func aRunInTrainingIsShownAsFarAsItIs() throws {
    let torn = try makeRun("torn", steps: 12, tail: "{\"step\":13,\"lo")
    #expect(torn.lines.count == 12)
    #expect(expectSound(Report([torn]).html).text.contains("12 of 30"))
    let empty = expectSound(Report([try makeRun("empty", steps: 0)]).html)
    #expect(empty.text.contains("nothing measured yet"))
    try FileSystem.remove(URL(filePath: scratch.path("empty/metrics.jsonl")))
    _ = expectSound(Report([try RunRecord(scratch.path("empty"))]).html)
    // Only the untrained model was evaluated.
    _ = try scratch.write(
      "{\"step\":0,\"phase\":1,\"objective\":\"CLM\",\"devLossCLM\":9}\n", to: "empty/metrics.jsonl")
    #expect(expectSound(Report([try RunRecord(scratch.path("empty"))]).html).text.contains("9.000"))
  }

  @Test(arguments: [
    ("", "no JSON: nothing where a value belongs at byte 0"), ("{\"step\":3}", "\"step\" is 3 after 30"),
    ("nonsense", "no JSON: 'nonsense', which is no value at byte 0"),
    ("{\"step\":31,\"loss\":\"low\"}", "\"loss\" is \"low\", not a number"),
    ("{\"step\":31,\"loss\":NaN,\"x\":NaN}", "\"loss\" is NaN, not a number"),
    ("{\"step\":31,\"loss\":1e99}", "\"loss\" is 1e99, not a number"),
    ("{\"step\":9223372036854775807}", "\"step\" is 9223372036854775807 after 30"),
    ("{\"step\":31,\"secondsElapsed\":1e300}", "\"secondsElapsed\" is 1e+300"),
  ])
  func aDamagedLineIsNamed(line: String, reason: String) throws {
    let found = #expect(throws: RunError.self) { try makeRun(tail: "\(line)\n{\"step\":40}\n") }
    #expect(found == RunError.damagedLine(path: scratch.path("run/metrics.jsonl"), line: 31, reason: reason))
  }

  /// Options that other versions do not record are left out; those of a wrong kind are named.
  @Test func optionsOfOtherVersions() throws {
    let run = try makeRun()
    let file = run.folder.appending(path: "config.json")
    var keys = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    keys["antlm"] = ["schedule": "1_CLM"]
    try JSONSerialization.data(withJSONObject: keys).write(to: file)
    #expect(expectSound(Report([try RunRecord(run.path)]).html).text.contains("1_CLM"))
    keys["antlm"] = ["seed": "many"]
    try JSONSerialization.data(withJSONObject: keys).write(to: file)
    let found = #expect(throws: RunError.self) { try RunRecord(run.path) }
    let error = try #require(found)
    #expect("\(error)".contains("config.json"))
    #expect("\(error)".contains("\"antlm.seed\" is \"many\", not a whole number"))
  }

  @Test func evaluationsBecomeTables() throws {
    let run = try makeRun()
    func record(_ scoring: String, _ phenomenon: String, _ accuracy: Double, step: Int = 30)
      -> EvaluationLog.Record
    {
      .init(scoring: scoring, rule: "2025", phenomenon: phenomenon, accuracy: accuracy, pairs: 10, step: step)
    }
    try EvaluationLog(of: run.folder).append([
      record("causal", "mean", 0.111), record("causal", "agreement", 0.615),
      record("mlm", "agreement", 0.5, step: 20),
      record("causal", "mean", 0.722), record("causal", "mean", 0.333, step: 20),
    ])
    let page = expectSound(Report([try RunRecord(run.path), try makeRun("b")]).html)
    for text in ["61.5", "72.2", "50.0 (step 20)", "run, step 30", "by the rule of 2025"] {
      #expect(page.text.contains(text), "\(text)")
    }
    // The newest checkpoint's later line holds; the mean comes last.
    #expect(!page.text.contains("11.1") && !page.text.contains("33.3"))
    let mean = try #require(page.text.range(of: "mean72.2"))
    #expect(try #require(page.text.range(of: "agreement61.5")).upperBound < mean.lowerBound)
  }

  @Test func samplesAreShownByPrompt() throws {
    let tiny = try TinyRun()
    _ = try tiny.start("run", tiny.configuration("8s_CLM+8s_MLM")).train()
    let path = tiny.scratch.path("run")
    var report = Report([try RunRecord(path)])
    report.prompts = ["The <b>", "The [MASK] is [MASK]"]
    let samples = try #require(try Samples(of: path, prompts: report.prompts, on: tiny.device()))
    report.samples = [samples]
    #expect(samples.step == 16)
    guard case .continued(let likeliest, _) = samples.answers[0],
      case .filled(let filled, let candidates) = samples.answers[1]
    else {
      Issue.record("\(samples.answers)")
      return
    }
    #expect(likeliest.hasPrefix("The <b>") && !filled.contains("[MASK]"))
    #expect(candidates.map(\.count) == [5, 5])
    let page = expectSound(report.html)
    #expect(page.text.contains("“The [MASK] is [MASK]”") && page.text.contains("run, step 16"))
    #expect(page.elements.contains { $0.attributes["class"] == "given" })
    // A prompt longer than the model is named; a run without a checkpoint has no samples.
    let long = String(repeating: "The dog sees. ", count: 30)
    let found = #expect(throws: SampleError.self) {
      try Samples(of: path, prompts: [long], on: tiny.device())
    }
    let error = try #require(found)
    #expect("\(error)".contains("32 positions") && !"\(error)".contains("\n"))
    try FileSystem.remove(URL(filePath: path + "/checkpoints"))
    #expect(try Samples(of: path, prompts: ["The"], on: tiny.device()) == nil)
    report.samples = [nil]
    #expect(expectSound(report.html).text.contains("run has no checkpoint yet"))
  }

  @Test func runsAreToldApartByTheirFolders() throws {
    let a = try makeRun("x/run")
    let b = try makeRun("y/run")
    #expect(RunRecord.names([a]) == ["run"])
    #expect(RunRecord.names([a, b]) == ["x/run", "y/run"])
  }

  @Test func figures() {
    #expect(Figures.grouped(5_507_328) == "5,507,328" && Figures.grouped(12) == "12")
    #expect(Figures.grouped(-1234) == "−1,234" && Figures.short(5_362_885) == "5.36 M")
    #expect(Figures.time(7384.6) == "2:03:05" && Figures.time(59) == "00:59" && Figures.time(.nan) == "")
  }
}
