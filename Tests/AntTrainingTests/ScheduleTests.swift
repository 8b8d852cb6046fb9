import AntDevice
import AntRandom
import AntText
import Testing

@testable import AntTraining

@Suite struct ScheduleTests {
  @Test func readsTheNotationOfThePaper() throws {
    #expect(
      try Schedule("4_CLM+16_MLM+4_CLM").phases == [
        Phase(.epochs(4), of: "CLM"), Phase(.epochs(16), of: "MLM"), Phase(.epochs(4), of: "CLM"),
      ])
    #expect(try Schedule("200s_CLM").phases == [Phase(.steps(200), of: "CLM")])
    #expect(
      try Schedule("24_[MNTP:15 + CLM:1]+1s_[MLM+CLM]").phases == [
        Phase(.epochs(24), of: Mixture([.init("MNTP", share: 15), .init("CLM")])),
        Phase(.steps(1), of: Mixture([.init("MLM"), .init("CLM")])),
      ])
    let pair = [Phase(.epochs(1), of: "CLM"), Phase(.epochs(3), of: "MLM")]
    #expect(try Schedule("(1_CLM+3_MLM)*6").phases == Array(repeating: pair, count: 6).flatMap { $0 })
    #expect(
      try Schedule(" ( 2s_MLM + (1_CLM+3_MLM) * 2 ) * 2 + 1 _ CLM ").phases
        == (0..<2).flatMap { _ in [Phase(.steps(2), of: "MLM")] + pair + pair } + [pair[0]])
  }

  @Test(arguments: [
    ("", 1, "found the end"), ("4CLM", 2, "expected '_'"),
    ("4_CLN", 3, "expected one of CLM, MLM, MNTP, PrefixLM, MDLM, MIR, found 'CLN'"),
    ("4_[CLM:0+MLM]", 8, "the share of CLM, a whole number from 1 to 1000, found 0"),
    ("4_[CLM:1001]", 8, "found 1001"), ("4_[CLM:-1]", 8, "found '-'"), ("4_[CLM:1.5]", 9, "':', '+' or ']'"),
    ("4_[]", 4, "found ']'"), ("4_[CLM", 7, "found the end"), ("4_[CLM+X]", 8, "found 'X'"),
    ("4_[CLM+MLM+CLM:2]", 12, "stands twice"), ("4_[[CLM]]", 4, "found '['"), ("[CLM]", 1, "found '['"),
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
        let names = ["CLM", "MLM", "MNTP"]
        let mixture =
          draw(3) > 0
          ? Mixture(names[draw(3)])
          : Mixture(names.prefix(2 + draw(2)).map { .init($0, share: 1 + draw(20)) })
        return .phase(Phase(draw(2) == 0 ? .epochs(1 + draw(40)) : .steps(1 + draw(5000)), of: mixture))
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
      return "\(position.phase)\(position.mixture) \(position.epoch).\(position.stepInEpoch)"
        + (position.endsPhase ? "|" : "")
    }
    #expect(
      places == [
        "0CLM 0.0", "0CLM 0.1", "0CLM 0.2", "0CLM 1.0", "0CLM 1.1", "0CLM 1.2|", "1MLM 2.0", "1MLM 2.1",
        "1MLM 2.2", "1MLM 3.0|", "2CLM 3.1|", "3MLM 4.0", "3MLM 4.1", "3MLM 4.2|",
      ])
  }

  /// Steps of one mixture are counted on over its phases, so that its shares come out right over short ones.
  @Test func stepsOfAMixtureAreCountedOn() throws {
    let plan = try TrainingPlan(Schedule("(2s_[MLM:3+CLM]+1s_CLM)*3"), stepsPerEpoch: 100)
    #expect((1...9).map { plan.position(ofStep: $0).stepOfMixture } == [0, 1, 0, 2, 3, 1, 4, 5, 2])
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

  /// Up in 10 of 100 steps, the peak for 70, down in 20 to a tenth of it.
  @Test func warmsUpHoldsAndDecays() {
    var rate = LearningRate(peak: 1, floor: 0.1, warmup: .steps(10), shape: .wsd, decay: .percent(20))
    #expect(rate.rate(5, of: 100) == 0.5)
    for step in 10...80 { #expect(rate.rate(step, of: 100) == 1) }
    for (step, linear) in [(85, 0.775), (90, 0.55), (95, 0.325), (100, 0.1)] {
      #expect(abs(Double(rate.rate(step, of: 100)) - linear) < 1e-6)
    }
    rate.decayShape = .sqrt
    #expect(abs(rate.rate(85, of: 100) - 0.55) < 1e-6 && abs(rate.rate(100, of: 100) - 0.1) < 1e-6)
    rate.decayShape = .cosine
    #expect(abs(rate.rate(90, of: 100) - 0.55) < 1e-6)
    // Where both cannot be had whole, the warm-up is.
    rate.decay = .steps(1000)
    #expect(rate.rate(10, of: 100) == 1 && rate.rate(11, of: 100) < 1 && rate.rate(5, of: 100) == 0.5)
    rate.decay = .steps(0)
    #expect(rate.rate(100, of: 100) == 1)
  }

  /// The rate of the run, of which the first steps of each later phase have a part.
  @Test func climbsAgainAtASwitch() throws {
    let plan = try TrainingPlan(Schedule("10s_CLM+10s_MLM+2s_CLM"), stepsPerEpoch: 7)
    let plain = LearningRate(peak: 1, warmup: .steps(2))
    var again = plain
    again.rewarmup = .steps(4)
    for step in 1...22 {
      let part: Float =
        switch step {
        case 11, 12, 13: Float(step - 10) / 4
        case 21: 0.5
        default: 1
        }
      #expect(again(step: step, of: plan) == plain(step: step, of: plan) * part, "step \(step)")
    }
  }

  @Test func neverDividesByZero() throws {
    let plan = try TrainingPlan(Schedule("3s_CLM"), stepsPerEpoch: 1)
    for warmup in [LearningRate.Stretch.steps(0), .steps(3), .steps(100), .percent(0), .percent(100)] {
      let rate = LearningRate(peak: 1, warmup: warmup)
      for step in 1...3 { #expect(rate(step: step, of: plan).isFinite) }
    }
  }

  @Test func warmupReadsBack() {
    for text in ["0", "300", "2%", "0.7%", "100%"] {
      #expect(LearningRate.Stretch(text)?.description == text)
    }
    for text in ["", "-1", "101%", "-1%", "x", "1.5", "nan%"] { #expect(LearningRate.Stretch(text) == nil) }
  }
}
