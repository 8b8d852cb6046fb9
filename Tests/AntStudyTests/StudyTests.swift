import AntBatch
import AntDevice
import AntTestSupport
import AntText
import Foundation
import Synchronization
import Testing

@testable import AntEvaluation
@testable import AntInference
@testable import AntReport
@testable import AntStudy
@testable import AntTraining

@Suite struct StudyFileTests {
  @Test func theDefaultStudyReadsLittleTextOften() throws {
    let study = try Study(contentsOf: nil)
    #expect(study.schedules.map(\.name).prefix(2) == ["CLM", "MLM"])
    #expect(study.schedules.map(\.notation).prefix(2) == ["188_CLM", "188_MLM"])
    #expect(study.jobs.count == 18 && Set(study.jobs.map(\.name)).count == 18)
    #expect(study.training.learningRate == 1e-3 && study.training.batch == 24)
    // The same number of epochs; in the pattern two thirds of them masked, as the paper has it.
    for schedule in study.schedules where schedule.name != "every-step" {
      var epochs: [String: Int] = [:]
      for phase in try Schedule(schedule.notation).phases {
        guard case .epochs(let count) = phase.duration else { continue }
        epochs[phase.mixture.description, default: 0] += count
      }
      #expect(epochs.values.reduce(0, +) == 188, "\(schedule.name)")
      if schedule.name == "pattern" { #expect(epochs == ["CLM": 62, "MLM": 126]) }
    }
  }

  private static let valid = """
    models: [llama-micro]
    epochs: 2
    schedules:
      both: 1_CLM+1_MLM
    seeds: [1, 2]
    training: {batch: 8, warmup: 300, length: "16:90%,32", clip: 2}
    """

  @Test func optionsAreThoseOfARun() throws {
    let study = try Study(yaml: Self.valid, path: "study.yaml")
    #expect(study.training.batch == 8 && study.training.warmup == "300" && study.training.clip == 2)
    #expect(study.training.length == LengthSchedule("16:90%,32"))
    let others = try Study(
      yaml: Self.valid.replacingOccurrences(
        of: "clip: 2",
        with: "clip: inf, documents: true, evaluateFirst: true, learningRate: \"1e-3,MLM=2e-3\""),
      path: "study.yaml")
    #expect(others.training.clip == .infinity && others.training.documents && others.training.evaluateFirst)
    #expect(others.training.learningRate == ObjectiveValues(1e-3, own: ["MLM": 2e-3]))
    let preset = try Study(
      yaml: Self.valid.replacingOccurrences(of: "epochs", with: "preset: antlm-ltg-bert-base\nepochs")
        .replacingOccurrences(of: "batch: 8", with: "accumulate: 4"), path: "study.yaml")
    #expect(preset.training.optimizer == "lamb" && preset.training.accumulate == 4)
    let files = try Study(
      yaml: Self.valid
        + "\ntext: {train: [a.txt], tokenizer: /t.json}\npairs: {paths: [b], limit: 5, rule: 2024}",
      path: "/folder/study.yaml")
    #expect(
      files.text == .files(training: ["/folder/a.txt"], development: [], tokenizer: "/t.json"))
    #expect(files.pairs.paths == ["/folder/b"] && files.pairs.limit == 5 && files.pairs.rule == .babylm2024)
  }

  /// What is wrong is named by line; nothing unknown is passed over.
  @Test(arguments: [
    ("models: [llama-micro]", "models: [llama-giant]", 1, "no model 'llama-giant'"),
    ("models: [llama-micro]", "models: llama-micro", 1, "a list"),
    ("epochs: 2", "epochs: two", 2, "a whole number"),
    ("epochs: 2", "epochs: 2\nepochs: 2", nil, "'epochs' stands there twice"),
    ("epochs: 2", "epoch: 2", 2, "unknown key 'epoch'"),
    ("  both: 1_CLM+1_MLM", "  both: 1_CLM+", 4, "column 7"),
    ("  both: 1_CLM+1_MLM", "  CLM: 2_CLM", 4, "trained anyway"),
    ("  both: 1_CLM+1_MLM", "  both: 2_CLM+1_MLM", 4, "add up to 2"),
    ("  both: 1_CLM+1_MLM", "  both: 1_CLM", 4, "add up to 2"),
    ("models: [llama-micro]", "models: [a|b.json]", 1, "cannot be called"),
    ("models: [llama-micro]", "models: [x.json, y/x.json]", 1, "would be called"),
    ("  both: 1_CLM+1_MLM", "  a/b: 2_CLM", 4, "cannot be called"),
    ("seeds: [1, 2]", "seeds: [1, 1]", 5, "one seed twice"),
    ("seeds: [1, 2]", "seeds: []", 5, "at least one"),
    ("seeds: [1, 2]", "seeds: [1, 2", 6, "not YAML"),
    ("seeds: [1, 2]", "", 1, "'seeds' is missing"),
    ("batch: 8", "batch: 0", 6, "batch is 0"),
    ("batch: 8", "batches: 8", 6, "no 'batches'"),
    ("batch: 8", "batch: eight", 6, "with the value eight"),
    ("batch: 8", "seed: 8", 6, "decided by the study"),
    ("batch: 8", "optimizer: adm", 6, "optimizer is 'adm'"),
    ("batch: 8", "documents: 7", 6, "no 'documents'"),
    ("batch: 8", "weight: \"CLM=1,CLM=2\"", 6, "must be one value for CLM"),
    (
      "[llama-micro]", String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000), 1,
      "lie too deep inside each other"
    ),
    (
      "seeds: [1, 2]", "seeds: [1, 2]\ntext: {train: [a], tokenizer: t}\npairs: {paths: [p], best: true}", 7,
      "give 'dev' in 'text'"
    ),
    ("  both: 1_CLM+1_MLM", "  CLM: {schedule: 2_CLM}", 4, "nothing but options"),
    ("  both: 1_CLM+1_MLM", "  both: {schedule: 1_CLM+1_MLM, training: {batch: 4}}", 4, "are the study's"),
    ("  both: 1_CLM+1_MLM", "  both: {schedule: 1_CLM+1_MLM, training: {dropout: 2}}", 4, "dropout is 2"),
    ("  both: 1_CLM+1_MLM", "  both: {training: {dropout: 0.1}}", 4, "expected a number or a text"),
    ("  both: 1_CLM+1_MLM", "  both: {schedule: 1_CLM+1_MLM, options: 1}", 4, "unknown key 'options'"),
  ])
  func whatIsWrongIsNamed(from: String, to: String, line: Int?, complaint: String) throws {
    do {
      _ = try Study(yaml: Self.valid.replacingOccurrences(of: from, with: to), path: "study.yaml")
      Issue.record("\(to) was accepted")
    } catch let error as StudyError {
      let text = error.description
      #expect(text.contains(complaint) && !text.contains("\n"), "\(text)")
      if let line { #expect(text.hasPrefix("study.yaml, line \(line):"), "\(text)") }
    }
  }

  @Test func needsPairsForTextOfOnesOwn() {
    #expect(throws: StudyError.self) {
      try Study(yaml: Self.valid + "\ntext: {train: [a], tokenizer: t}", path: "study.yaml")
    }
    #expect(throws: StudyError.self) { try Study(yaml: "", path: "study.yaml") }
  }
}

@Suite struct IntervalTests {
  @Test func studentsTOfThree() throws {
    let interval = try #require(Interval([1, 2, 3]))
    #expect(interval.mean == 2 && interval.deviation == 1)
    #expect(abs(try #require(interval.margin) - 4.303 / 3.squareRoot()) < 1e-12)
    #expect(Interval([]) == nil)
  }

  /// One figure alone tells nothing apart; touching intervals do not.
  @Test func equalFiguresHaveNoInterval() throws {
    let low = try #require(Interval([0.01, 0.011, 0.009]))
    // Not every mean of three equal figures is that figure.
    for figure in [2, 0.1, 50.1666] {
      let equal = try #require(Interval([figure, figure, figure]))
      #expect(equal.deviation == 0 && equal.margin == nil && !equal.isAbove(low))
    }
  }

  @Test func onlyWhatDoesNotOverlapIsApart() throws {
    let low = try #require(Interval([1, 1.1, 0.9]))
    let high = try #require(Interval([2, 2.1, 1.9]))
    let middle = try #require(Interval([1.3, 1.4, 1.2]))
    #expect(high.isAbove(low) && !low.isAbove(high))
    #expect(!middle.isAbove(low) && !low.isAbove(middle))
    #expect(!(try #require(Interval([9]))).isAbove(low))
  }
}

@Suite struct StudyResultsTests {
  /// Accuracies by schedule, seed by seed.
  private func results(_ figures: [String: [Double]]) throws -> StudyResults {
    let study = try Study(
      yaml: """
        models: [llama-micro]
        epochs: 2
        schedules: {both: 1_CLM+1_MLM}
        seeds: [1, 2, 3]
        pairs: {scoring: [causal]}
        """, path: "study.yaml")
    return StudyResults(
      study,
      study.jobs.compactMap { job in
        guard let own = figures[job.schedule.name], job.seed <= own.count else { return nil }
        return StudyResult(
          job: job, steps: 8, seconds: 1.5, evaluationSeconds: 0,
          devLosses: ["CLM": [PlotPoint(4, 1), PlotPoint(8, 2)]],
          figures: [
            .pairs(.causal): 100 * own[Int(job.seed) - 1], .devLoss("CLM"): 2, .bestDevLoss("CLM"): 1,
          ], details: [("a, b", .causal, 25)])
      })
  }

  @Test func aRankIsOnlyWhereIntervalsAreApart() throws {
    let apart = try results([
      "CLM": [0.6, 0.61, 0.62], "MLM": [0.5, 0.51, 0.52], "both": [0.7, 0.71, 0.72],
    ])
    #expect(
      apart.markdown.contains(
        "against CLM alone, better: both; worse: MLM; not told apart: none. against MLM alone, better: CLM, both; "
          + "worse: none; not told apart: none. better than all others: both."), "\(apart.markdown)")
    #expect(apart.markdown.contains("| both | `1_CLM+1_MLM` | 3 | 71.0 ± 2.5 |"), "\(apart.markdown)")
    let close = try results(["CLM": [0.6, 0.61, 0.7], "MLM": [0.6, 0.61, 0.62], "both": [0.6, 0.7, 0.72]])
    #expect(
      close.markdown.contains(
        "against CLM alone, better: none; worse: none; not told apart: MLM, both."), "\(close.markdown)")
    #expect(!close.markdown.contains("better than all others:"))
    // Equal losses have intervals of no width, and are not apart.
    #expect(close.markdown.contains("**dev loss, CLM**: against CLM alone, better: none; worse: none"))
  }

  @Test func nothingIsBestBeforeEverythingIsThere() throws {
    let partial = try results(["CLM": [0.6, 0.61, 0.62]])
    #expect(partial.markdown.contains("3 of 9 runs") && !partial.markdown.contains("better than all others:"))
    let seed = try results([
      "CLM": [0.6, 0.61, 0.62], "MLM": [0.5, 0.51, 0.52], "both": [0.7, 0.7001],
    ])
    #expect(seed.markdown.contains("8 of 9 runs") && seed.markdown.contains("better: both"))
    #expect(!seed.markdown.contains("better than all others:"))
  }

  @Test func aRowARun() throws {
    let rows = try results(["CLM": [0.6, 0.61], "both": [0.5]]).csv.split(separator: "\n")
    #expect(
      rows[0]
        == "model,schedule,notation,options,seed,steps,seconds,evaluationSeconds,\"pairs, causal\",\"dev loss, CLM\","
        + "\"lowest dev loss, CLM\",\"a, b, causal\"")
    #expect(rows.count == 4 && rows[1] == "llama-micro,CLM,2_CLM,,1,8,1.5,0.0,60.0000,2.0000,1.0000,25.00")
  }

  /// What is written is read back, and written again to the same bytes; what is none of the study's is named by line.
  @Test func rowsReadBack() throws {
    let scratch = Scratch()
    let written = try results(["CLM": [0.6, 0.61], "both": [0.5]])
    // As other programs save it, with a byte order mark and carriage returns.
    let path = try scratch.write(
      "\u{FEFF}" + written.csv.replacingOccurrences(of: "\n", with: "\r\n"), to: "results.csv")
    let read = StudyResults(written.study, try StudyResults.read(path, of: written.study))
    #expect(read.csv == written.csv && read.results.map(\.figures) == written.results.map(\.figures))
    for (from, to, complaint) in [
      ("both,1_CLM+1_MLM", "both,2_MLM", "line 3: it was trained by 2_MLM"),
      ("2_CLM,,2", "2_CLM,,9", "line 4: the study has no such run"),
      (",CLM,2_CLM,,1", ",CLM,2_CLM,zLoss=0.5,1", "line 2: it was trained by 2_CLM with zLoss=0.5"),
      ("60.0000", "x", "line 2: 'x' is no number for pairs, causal"),
      ("61.0000", "", "line 4: it has no figure"),
      ("model,", "models,", "line 1: it does not begin with"), (",25.00\n", "\n", "line 2: it has 11 cells"),
      (",8,1.5", ",8e99,1.5", "line 2: '8e99' is no number for steps"),
      ("60.0000", "100.5", "line 2: 100.5 cannot be for pairs, causal"),
      ("2.0000", "-2.0000", "line 2: -2.0000 cannot be for dev loss, CLM"),
      ("25.00", "-1", "line 2: -1 cannot be for a, b, causal"),
      ("2_CLM,,2", "2_CLM,,1", "line 4: there is a row of llama-micro-CLM-seed1 before it"),
    ] {
      let range = try #require(written.csv.range(of: from), "\(from)")
      let bad = try scratch.write(written.csv.replacingCharacters(in: range, with: to), to: "bad.csv")
      let error = try #require(throws: StudyError.self, "\(to)") {
        try StudyResults.read(bad, of: written.study)
      }
      #expect("\(error)".contains(complaint), "\(error)")
    }
  }
}

@Suite struct StudyRunTests {
  private let tiny: TinyRun
  private let pairs: String

  init() throws {
    tiny = try TinyRun()
    pairs = try tiny.scratch.write(
      """
      {"phenomenon": "a", "sentence_good": "The dog sees a bird.", "sentence_bad": "The dog see a bird."}
      {"phenomenon": "b", "sentence_good": "Anna hugs her.", "sentence_bad": "Anna hug her."}
      """, to: "pairs.jsonl")
  }

  private func study(_ schedules: String, learningRate: String = "1e-2") throws -> Study {
    try Study(
      yaml: """
        models: [model.json]
        epochs: 2
        schedules: {\(schedules)}
        seeds: [1]
        text: {train: [train.txt], dev: [dev.txt], tokenizer: tok.json}
        pairs: {paths: [pairs.jsonl]}
        training: {batch: 10, length: 16, learningRate: \(learningRate), checkpointEvery: 3}
        """, path: tiny.scratch.path("study.yaml"))
  }

  private func run(_ study: Study, in folder: String, workers: Int = 1, stopAfter: Int = .max) throws
    -> StudyResults
  {
    let steps = Mutex(0)
    let device = { @Sendable in try TinyRun.device(threads: 1) }
    return try StudyRun(study, in: tiny.scratch.path(folder))(
      workers: workers, openDevice: device, until: { steps.withLock { $0 } >= stopAfter },
      report: { event in
        if case .step = event { steps.withLock { $0 += 1 } }
      })
  }

  /// Stopped anywhere, the study ends with the figures that it would have had.
  @Test func goesOnWhereItStopped() throws {
    let study = try study("both: 1_CLM+1_MLM, every: (1s_CLM+1s_MLM)*50")
    let whole = try run(study, in: "whole", workers: 2)
    #expect(whole.results.map(\.job.name) == study.jobs.map(\.name))
    #expect(Set(whole.results.map(\.steps)).count == 1)
    for count in [1, 5, 17] {
      let partial = try run(study, in: "stopped", stopAfter: count)
      #expect(partial.results.count < 4)
    }
    let gone = try run(study, in: "stopped")
    #expect(gone.results.map(\.devLosses) == whole.results.map(\.devLosses))
    #expect(gone.results.map(\.figures) == whole.results.map(\.figures))
    #expect(gone.results.map { $0.details.map(\.value) } == whole.results.map { $0.details.map(\.value) })
    let csv = try String(contentsOf: tiny.scratch.url.appending(path: "whole/results.csv"), encoding: .utf8)
    #expect(csv.split(separator: "\n").count == 5)
    // Everything is there: nothing is trained again.
    let counted = Mutex(0)
    _ = try StudyRun(study, in: tiny.scratch.path("stopped"))(
      openDevice: { try TinyRun.device(threads: 1) },
      report: { event in if case .began = event { counted.withLock { $0 += 1 } } })
    #expect(counted.withLock { $0 } == 0)
  }

  /// Schedules with options of their own, whose best checkpoints count too; and a folder that is lost.
  @Test func armsOfTheirOwn() throws {
    let study = try Study(
      yaml: """
        models: [model.json]
        epochs: 3
        schedules:
          CLM: {training: {dropout: 0.2, bestBy: CLM}}
          mixed: {schedule: "3_[MLM:2+CLM]", training: {learningRate: "1e-2,MLM=5e-3", weight: CLM=2}}
        seeds: [1]
        text: {train: [train.txt], dev: [dev.txt], tokenizer: tok.json}
        pairs: {paths: [pairs.jsonl], best: true, scoring: [causal, mlm, prefix]}
        training: {batch: 10, length: 16, learningRate: 5e-2, evaluateEvery: 2, checkpointEvery: 0, evaluationSequences: 8}
        """, path: tiny.scratch.path("study.yaml"))
    #expect(study.schedules.map(\.name) == ["CLM", "MLM", "mixed"])
    #expect(study.schedules.map(\.training.dropout) == [0.2, nil, nil])
    let whole = try run(study, in: "arms")
    let csv = whole.csv
    for result in whole.results {
      let losses = try #require(result.devLosses["CLM"]).map(\.y)
      #expect(result.figures[.bestDevLoss("CLM")] == losses.min())
      #expect(result.figures[.devLoss("CLM")] == losses.last)
      for scoring in study.pairs.scoring { #expect(result.figures[.bestPairs(scoring)] != nil) }
    }
    // The best checkpoint is the one that the named loss tells.
    let clm = try #require(whole.results.first)
    let best = try RunDirectory(tiny.scratch.path("arms/runs/\(clm.job.name)")).checkpoint("best")
    let points = try #require(clm.devLosses["CLM"])
    #expect(points.min { $0.y < $1.y }?.x == Double(best.step))
    let table = try tiny.scratch.write(csv, to: "table.csv")
    let began = Mutex(0)
    let again = try StudyRun(study, in: tiny.scratch.path("lost"), done: [table])(
      openDevice: { try TinyRun.device(threads: 1) },
      report: { event in if case .began = event { began.withLock { $0 += 1 } } })
    #expect(began.withLock { $0 } == 0 && again.csv == csv)
  }

  /// What all share for an objective goes to the schedules that train it.
  @Test func sharedRatesGoWhereTheyMeanSomething() throws {
    let study = try study("mixed: \"2_[MLM:1+CLM:1]\"", learningRate: "\"1e-2,MLM=5e-3\"")
    let whole = try run(study, in: "shared")
    #expect(whole.results.count == 3)
    for (name, rate) in [("CLM", "0.01"), ("MLM", "0.01,MLM=0.005"), ("mixed", "0.01,MLM=0.005")] {
      let run = try RunConfiguration(
        contentsOf: tiny.scratch.url.appending(path: "shared/runs/model-\(name)-seed1/config.json"), run: name
      )
      #expect(run.antlm.learningRate.description == rate)
    }
  }

  private struct Reversed: Objective {
    let name = "Reversed"
    let summary = "the token before, read backwards"

    func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence {
      CausalObjective().sequence(from: block.reversed(), sample)
    }
  }

  @Test func objectivesOfSomebodyElses() throws {
    let objectives = Objectives.standard + [Reversed()]
    let yaml = """
      models: [model.json]
      epochs: 1
      schedules: {other: 1_Reversed}
      seeds: [1]
      text: {train: [train.txt], dev: [dev.txt], tokenizer: tok.json}
      pairs: {paths: [pairs.jsonl]}
      training: {batch: 10, length: 16}
      """
    let path = tiny.scratch.path("study.yaml")
    #expect(throws: StudyError.self) { try Study(yaml: yaml, path: path) }
    let study = try Study(yaml: yaml, path: path, objectives: objectives)
    let results = try StudyRun(study, in: tiny.scratch.path("other"), objectives: objectives)(
      openDevice: { try TinyRun.device(threads: 1) })
    #expect(results.results.count == 3)
    #expect(results.measures.contains(.devLoss("Reversed")))
    let table = try tiny.scratch.write(results.csv, to: "other.csv")
    #expect(try StudyResults.read(table, of: study).map(\.figures).last?[.devLoss("Reversed")] != nil)
  }

  @Test func schedulesMustBeEquallyLong() throws {
    for (schedule, advice) in [
      ("few: 2s_CLM+1s_MLM", "repeat more")
    ] {
      do {
        _ = try StudyRun(study(schedule), in: tiny.scratch.path("unequal"))
        Issue.record("\(schedule) was accepted")
      } catch let error as StudyError {
        #expect("\(error)".contains(advice), "\(error)")
      }
    }
  }

  /// What is done is not taken for what the study now asks.
  @Test func otherSettingsAreNotTheSameStudy() throws {
    _ = try run(study("both: 1_CLM+1_MLM"), in: "done")
    func expectRefusal(_ complaint: String, of study: @autoclosure () throws -> Study) throws {
      do {
        _ = try run(try study(), in: "done")
        Issue.record("went on: \(complaint)")
      } catch let error as StudyError {
        #expect("\(error)".contains(complaint), "\(error)")
      }
    }
    try expectRefusal("other options", of: study("both: 1_CLM+1_MLM", learningRate: "2e-2"))
    try expectRefusal("other options", of: study("both: 1_MLM+1_CLM"))
    let training = try String(contentsOfFile: tiny.training, encoding: .utf8)
    try (training + "One more line.\n").write(toFile: tiny.training, atomically: true, encoding: .utf8)
    try expectRefusal("other options", of: study("both: 1_CLM+1_MLM"))
    try training.write(toFile: tiny.training, atomically: true, encoding: .utf8)
    let model = try String(contentsOfFile: tiny.model, encoding: .utf8)
    try model.replacingOccurrences(of: "0.1", with: "0.2")
      .write(toFile: tiny.model, atomically: true, encoding: .utf8)
    try expectRefusal("other options", of: study("both: 1_CLM+1_MLM"))
    try model.write(toFile: tiny.model, atomically: true, encoding: .utf8)
  }

  /// Other pairs are scored anew, and nothing is trained again. What a user finds a run to be worth, on other pairs
  /// or before its end, is not taken for the study's figures.
  @Test func otherPairsAreScoredAnew() throws {
    let study = try study("both: 1_CLM+1_MLM")
    let first = try run(study, in: "done")
    try String(contentsOfFile: pairs, encoding: .utf8)
      .replacingOccurrences(of: "Anna hug her", with: "Anna hugs him")
      .write(toFile: pairs, atomically: true, encoding: .utf8)
    let begun = try MinimalPairs([pairs])
    for job in study.jobs {
      let log = EvaluationLog(of: tiny.scratch.url.appending(path: "done/runs/\(job.name)"))
      for scoring in Scoring.allCases {
        try log.append(
          begun.records(
            [.init(phenomenon: "a", right: 3, count: 4)], scoring, rule: .babylm2025, step: 1, duration: .zero
          ))
      }
    }
    let steps = Mutex(0)
    let again = try StudyRun(study, in: tiny.scratch.path("done"))(
      openDevice: { try TinyRun.device(threads: 1) },
      report: { event in if case .step = event { steps.withLock { $0 += 1 } } })
    #expect(steps.withLock { $0 } == 0 && again.results.count == 3)
    #expect(again.results.map(\.devLosses) == first.results.map(\.devLosses))
    // Of two phenomena, by two readings; none of them 3 of 4.
    #expect(
      again.results.allSatisfy { result in
        result.details.count == 4 && result.details.allSatisfy { $0.value == 0 || $0.value == 100 }
      })
  }

  /// A folder that was moved in the middle goes on.
  @Test func aMovedStudyGoesOn() throws {
    let english = try Study(
      yaml: """
        models: [model.json]
        epochs: 1
        schedules: {two: 1_CLM}
        seeds: [1]
        english: {sentences: 150, vocabulary: 300, pairs: 2}
        pairs: {limit: 1, scoring: [causal]}
        training: {batch: 32, length: 16, checkpointEvery: 2}
        """, path: tiny.scratch.path("study.yaml"))
    let whole = try run(english, in: "stays")
    _ = try run(english, in: "here", stopAfter: 3)
    try FileManager.default.moveItem(atPath: tiny.scratch.path("here"), toPath: tiny.scratch.path("there"))
    let moved = try run(english, in: "there")
    #expect(moved.results.count == 3 && moved.results.map(\.devLosses) == whole.results.map(\.devLosses))
  }

  /// What could be known at the start is not found out run by run.
  @Test func whatCannotBeIsRefusedAtOnce() throws {
    let long = Array(repeating: "The dog sees a bird.", count: 20).joined(separator: " ")
    try "{\"sentence_good\": \"\(long)\", \"sentence_bad\": \"A\"}\n"
      .write(toFile: pairs, atomically: true, encoding: .utf8)
    #expect(throws: TextFileError.self) {
      try StudyRun(study("both: 1_CLM+1_MLM"), in: tiny.scratch.path("long"))
    }
    try "{\"sentence_good\": \"The dog sees a bird.\", \"sentence_bad\": \"A\"}\n"
      .write(toFile: pairs, atomically: true, encoding: .utf8)
    for (options, complaint) in [
      ("bestBy: MNTP", "bestBy is 'MNTP'"), ("weight: CLM=2", "weight is 2.0 for CLM"),
      ("learningRate: MNTP=1e-3", "learningRate is 0.001 for MNTP"),
    ] {
      let error = try #require(throws: StudyError.self) {
        try StudyRun(
          study("both: {schedule: 1_CLM+1_MLM, training: {\(options)}}"), in: tiny.scratch.path("unfit"))
      }
      #expect("\(error)".hasPrefix("schedule both: \(complaint)"), "\(error)")
    }
    try FileManager.default.removeItem(atPath: tiny.model)
    #expect(throws: (any Error).self) {
      try StudyRun(study("both: 1_CLM+1_MLM"), in: tiny.scratch.path("missing"))
    }
  }

  /// A device that fails takes one run along, not those that come after it.
  @Test func aFailedDeviceIsReplaced() throws {
    let opened = Mutex(0)
    let device = { @Sendable in
      let device = try TinyRun.device(threads: 1)
      if opened.withLock({ count in
        defer { count += 1 }
        return count
      }) == 0 {
        _ = device.makeBuffer(.float32, count: 1 << 50)
      }
      return device
    }
    do {
      _ = try StudyRun(study("both: 1_CLM+1_MLM"), in: tiny.scratch.path("failed"))(openDevice: device)
      Issue.record("a run on a failed device was taken for done")
    } catch let error as StudyError {
      guard case .failed(let jobs, let first, _) = error else { throw error }
      #expect(jobs == 1 && first == "model-CLM-seed1", "\(error)")
    }
    let csv = try String(contentsOf: tiny.scratch.url.appending(path: "failed/results.csv"), encoding: .utf8)
    #expect(csv.split(separator: "\n").count == 3 && opened.withLock { $0 } == 2)
  }

  /// Beside runs of other options nothing is trained, and the results stay.
  @Test func whatWasBegunOtherwiseStays() throws {
    _ = try run(study("both: 1_CLM+1_MLM"), in: "changed")
    let results = tiny.scratch.url.appending(path: "changed/results.md")
    let before = try Data(contentsOf: results)
    try FileManager.default.removeItem(atPath: tiny.scratch.path("changed/runs/model-both-seed1"))
    #expect(throws: StudyError.otherOptions(run: tiny.scratch.path("changed/runs/model-CLM-seed1"))) {
      try run(study("both: 1_CLM+1_MLM", learningRate: "2e-2"), in: "changed")
    }
    #expect(try Data(contentsOf: results) == before)
    #expect(!FileManager.default.fileExists(atPath: tiny.scratch.path("changed/runs/model-both-seed1")))
  }

  /// A folder that is no study's is left alone.
  @Test(arguments: ["results.csv", "config.json", "notes.txt"])
  func foreignFoldersAreRefused(file: String) throws {
    try FileManager.default.createDirectory(
      atPath: tiny.scratch.path("own"), withIntermediateDirectories: false)
    _ = try tiny.scratch.write("mine", to: "own/\(file)")
    #expect(throws: StudyError.notAStudy(folder: tiny.scratch.path("own"))) {
      try StudyRun(study("both: 1_CLM+1_MLM"), in: tiny.scratch.path("own"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: tiny.scratch.path("own")) == [file])
  }

  @Test func theOptionAtFaultIsNamed() throws {
    for (options, line) in [("{batch: 10, learningRate: -1}", 8), ("\n  batch: 10\n  learningRate: -1", 10)] {
      do {
        _ = try Study(
          yaml: """
            models: [llama-micro]
            epochs: 2
            schedules: {both: 1_CLM+1_MLM}
            seeds: [1]
            english:
              sentences: 150
            pairs: {limit: 1}
            training: \(options)
            """, path: "study.yaml")
        Issue.record("a learning rate of -1 was taken")
      } catch let error as StudyError {
        #expect("\(error)".hasPrefix("study.yaml, line \(line): "), "\(error)")
      }
    }
  }
}
