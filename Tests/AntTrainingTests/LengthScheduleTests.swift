import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntTraining

@Suite struct LengthScheduleTests {
  @Test func readsWhatItWrites() throws {
    for text in ["128", "128:90%,512", "64:12.5%,128:50%,256"] {
      let schedule = try #require(LengthSchedule(text))
      #expect(schedule.description == text)
      let data = try JSONEncoder().encode([schedule])
      #expect(try JSONDecoder().decode([LengthSchedule].self, from: data) == [schedule])
    }
    #expect(try JSONEncoder().encode([LengthSchedule(128)]) == Data("[128]".utf8))
    for text in [
      "", "a", "128:90%", "128:90,512", "128,512", "128:0%,5", "128:100%,5", "1:60%,2:60%,3", "1:-5%,2",
      "1:nan%,2",
    ] {
      #expect(LengthSchedule(text) == nil, "\(text)")
    }
  }

  @Test func changesWhereItSays() throws {
    let schedule = try #require(LengthSchedule("64:25%,128:50%,256"))
    let lengths = (1...8).map { schedule(step: $0, of: 8) }
    #expect(lengths == [64, 64, 128, 128, 128, 128, 256, 256])
    #expect(schedule.first == 64 && schedule.longest == 256)
    #expect((1...3).map { LengthSchedule(7)(step: $0, of: 3) } == [7, 7, 7])
  }

  /// An epoch's blocks are each read once at any length, and a step has about as many tokens.
  @Test func everyStepHasItsShare() throws {
    let tiny = try TinyRun()
    for (text, batch) in [
      ("16:1%,32", 10), ("16:1%,24", 7), ("8:1%,32", 3), ("16:50%,32", 10), ("32:1%,8", 4),
    ] {
      var configuration = tiny.configuration("2_CLM")
      configuration.length = try #require(LengthSchedule(text))
      configuration.batch = batch
      configuration.accumulate = 2
      let tokenizer = try Tokenizer(contentsOf: URL(filePath: tiny.tokenizerFile))
      let corpus = try TokenCorpus([tiny.training], tokenizer: tokenizer)
      let first = configuration.length.first
      let plan = try TrainingPlan(
        Schedule("2_CLM"),
        stepsPerEpoch: TrainingData.stepsPerEpoch(tokens: corpus.count, length: first, batch: batch))
      let data = TrainingData(corpus, configuration, plan: plan, tokenizer: tokenizer, objectives: .standard)
      var later = 0
      for step in 1...plan.totalSteps {
        let length = configuration.length(step: step, of: plan.totalSteps)
        let parts = data.batch(ofStep: step).parts
        #expect(parts.allSatisfy { $0.length == length && $0.sequences > 0 } && !parts.isEmpty)
        let sequences = parts.reduce(0) { $0 + $1.sequences }
        if length != first, plan.position(ofStep: step).epoch == 1 { later += sequences }
        if length != first {
          #expect(
            abs(sequences * length - batch * first) <= max(length, batch * first / 2), "\(text) step \(step)")
        }
      }
      let blocks = BlockOrder(
        tokenCount: corpus.count,
        length: configuration.length.longest == first
          ? configuration.length.shortest
          : configuration.length.longest, epoch: 1, seed: configuration.seed
      ).count
      #expect(later == max(blocks, plan.stepsPerEpoch), "\(text)")
    }
  }

  @Test func theMaskRateFallsOnALine() {
    var configuration = TrainingConfiguration(model: "", schedule: "", training: [])
    #expect(configuration.maskingRate(step: 3, of: 5) == 0.15)
    configuration.maskRate = 0.3
    configuration.finalMaskRate = 0.1
    let rates = (1...5).map { configuration.maskingRate(step: $0, of: 5) }
    #expect(zip(rates, [0.3, 0.25, 0.2, 0.15, 0.1] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(configuration.maskingRate(step: 1, of: 1) == 0.3)
  }
}
