import AntDevice
import AntRandom
import Testing

@testable import AntTraining

@Suite struct ScheduleTests {
  @Test func readsTheNotationOfThePaper() throws {
    #expect(
      try Schedule("4_CLM+16_MLM+4_CLM").phases == [
        Phase(.epochs(4), of: "CLM"), Phase(.epochs(16), of: "MLM"), Phase(.epochs(4), of: "CLM"),
      ])
    #expect(try Schedule("200s_CLM").phases == [Phase(.steps(200), of: "CLM")])
    let pair = [Phase(.epochs(1), of: "CLM"), Phase(.epochs(3), of: "MLM")]
    #expect(try Schedule("(1_CLM+3_MLM)*6").phases == Array(repeating: pair, count: 6).flatMap { $0 })
    #expect(
      try Schedule(" ( 2s_MLM + (1_CLM+3_MLM) * 2 ) * 2 + 1 _ CLM ").phases
        == (0..<2).flatMap { _ in [Phase(.steps(2), of: "MLM")] + pair + pair } + [pair[0]])
  }

  @Test(arguments: [
    ("", 1, "found the end"), ("4CLM", 2, "expected '_'"),
    ("4_CLN", 3, "expected one of CLM, MLM, MNTP, PrefixLM, found 'CLN'"),
    ("4_CLM+", 7, "found the end"), ("4_CLM 16_MLM", 7, "expected '+' or the end"),
    ("+4_CLM", 1, "found '+'"),
    ("0_CLM", 1, "from 1 to"), ("-1_CLM", 1, "found '-'"), ("4_CLM)", 6, "without its '('"),
    ("(4_CLM", 7, "expected '+' or ')'"), ("(4_CLM)*", 9, "how often to repeat"),
    ("(4_CLM)*0", 9, "from 1 to"), ("4_CLM*3", 6, "found '*'"), ("4_", 3, "found the end"),
    ("99999999999999999999999_CLM", 1, "from 1 to"), ("((1_CLM)*1000)*1000", 16, "phases"),
    ("((1_CLM)*1000000000)*1000000000", 10, "phases"), ("4_clm", 3, "'clm'"), ("٤_CLM", 1, "found '٤'"),
    ("4x_CLM", 2, "found 'x'"), ("1_CLM + 3_", 11, "found the end"),
  ])
  func refusesWithTheColumn(notation: String, column: Int, reason: String) throws {
    let error = try #require(throws: ScheduleError.self) { try Schedule(notation) }
    #expect(error.column == column, "\(error)")
    #expect(error.reason.contains(reason), "\(error)")
    #expect(!error.description.contains("\n"))
  }

  @Test func refusesGroupsThatWouldUseUpTheStack() throws {
    let notation = String(repeating: "(", count: 100_000) + "1_CLM" + String(repeating: ")", count: 100_000)
    let error = try #require(throws: ScheduleError.self) { try Schedule(notation) }
    #expect(error.column == 33)
  }

  @Test func descriptionReadsBack() throws {
    let stream = RandomStream(seed: 7, purpose: .sampling)
    var draws: UInt64 = 0
    func draw(_ limit: Int) -> Int {
      draws += 1
      return Int(stream.word(draws)) % limit
    }
    func term(_ depth: Int) -> Schedule.Term {
      switch depth == 0 ? 0 : draw(4) {
      case 0, 1:
        let objective = ["CLM", "MLM"][draw(2)]
        return .phase(Phase(draw(2) == 0 ? .epochs(1 + draw(40)) : .steps(1 + draw(5000)), of: objective))
      case 2: return .sequence((0..<2 + draw(3)).map { _ in term(depth - 1) })
      default: return .repeated(term(depth - 1), 1 + draw(4))
      }
    }
    for _ in 0..<300 {
      let schedule = Schedule(term: term(4))
      #expect(try Schedule(schedule.description) == schedule, "\(schedule)")
    }
  }
}

@Suite struct TrainingPlanTests {
  @Test func epochsBeginFreshAndStepsGoOn() throws {
    let plan = try TrainingPlan(Schedule("2_CLM+4s_MLM+1s_CLM+1_MLM"), stepsPerEpoch: 3)
    #expect(plan.totalSteps == 6 + 4 + 1 + 3)
    let places = (1...plan.totalSteps).map { step in
      let position = plan.position(ofStep: step)
      return "\(position.phase)\(position.objective) \(position.epoch).\(position.stepInEpoch)"
        + (position.endsPhase ? "|" : "")
    }
    #expect(
      places == [
        "0CLM 0.0", "0CLM 0.1", "0CLM 0.2", "0CLM 1.0", "0CLM 1.1", "0CLM 1.2|", "1MLM 2.0", "1MLM 2.1",
        "1MLM 2.2", "1MLM 3.0|", "2CLM 3.1|", "3MLM 4.0", "3MLM 4.1", "3MLM 4.2|",
      ])
  }

  @Test func maximumStepsCutsThePlan() throws {
    let plan = try TrainingPlan(Schedule("1_CLM+1_MLM+1_CLM"), stepsPerEpoch: 10, maximumSteps: 14)
    #expect(plan.totalSteps == 14)
    #expect(plan.phases.map(\.steps) == [1...10, 11...14])
    #expect(plan.position(ofStep: 14).endsPhase)
  }

  @Test func refusesMoreStepsThanCanBeCounted() throws {
    #expect(throws: TrainingError.tooManySteps(limit: Int(Int32.max))) {
      try TrainingPlan(Schedule("(1000000000_CLM)*10000"), stepsPerEpoch: .max / 2)
    }
    let cut = try TrainingPlan(Schedule("(1000000000_CLM)*10000"), stepsPerEpoch: 1000, maximumSteps: 5)
    #expect(cut.totalSteps == 5)
  }
}

@Suite struct LearningRateTests {
  @Test func climbsThenFallsToTheFloor() throws {
    let plan = try TrainingPlan(Schedule("60s_CLM+50s_MLM"), stepsPerEpoch: 7)
    let rate = LearningRate(peak: 2, floor: 0.1, warmup: .steps(10))
    #expect(rate(step: 1, of: plan) == 0.2)
    #expect(rate(step: 10, of: plan) == 2)
    #expect(abs(rate(step: 60, of: plan) - 1.1) < 1e-6)
    #expect(rate(step: 110, of: plan) == 0.2)
    for step in 10..<110 { #expect(rate(step: step + 1, of: plan) < rate(step: step, of: plan)) }
  }

  @Test func restartsWithEachPhase() throws {
    let plan = try TrainingPlan(Schedule("60s_CLM+50s_MLM"), stepsPerEpoch: 7)
    let rate = LearningRate(peak: 1, floor: 0, warmup: .percent(10), span: .phase)
    #expect(rate(step: 6, of: plan) == 1)
    #expect(rate(step: 60, of: plan) == 0)
    #expect(rate(step: 61, of: plan) == 0.2)
    #expect(rate(step: 65, of: plan) == 1)
    #expect(rate(step: 110, of: plan) == 0)
  }

  @Test func neverDividesByZero() throws {
    let plan = try TrainingPlan(Schedule("3s_CLM"), stepsPerEpoch: 1)
    for warmup in [LearningRate.Warmup.steps(0), .steps(3), .steps(100), .percent(0), .percent(100)] {
      let rate = LearningRate(peak: 1, warmup: warmup)
      for step in 1...3 { #expect(rate(step: step, of: plan).isFinite) }
    }
  }

  @Test func warmupReadsBack() {
    for text in ["0", "300", "2%", "0.7%", "100%"] {
      #expect(LearningRate.Warmup(text)?.description == text)
    }
    for text in ["", "-1", "101%", "-1%", "x", "1.5", "nan%"] { #expect(LearningRate.Warmup(text) == nil) }
  }
}
