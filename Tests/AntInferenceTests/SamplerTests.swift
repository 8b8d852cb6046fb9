import Foundation
import Testing

@testable import AntInference

@Suite struct SamplerTests {
  private let logits: [Float] = [0, 2, -1, 2, 1, -.infinity, .nan]

  /// How often each id comes out of evenly spread draws.
  private func shares(_ sampler: Sampler, forbidden: Set<Int32> = []) -> [Double] {
    let draws = 20_000
    var counts = [Double](repeating: 0, count: logits.count)
    for draw in 0..<draws {
      let id = sampler.pick(logits[...], draw: (Double(draw) + 0.5) / Double(draws), forbidden: forbidden)
      counts[Int(id!)] += 1 / Double(draws)
    }
    return counts
  }

  /// What was said is divided by the penalty where positive and multiplied where negative, once however often.
  @Test func whatWasSaidIsPenalized() {
    let greedy = Sampler(temperature: 0, repetitionPenalty: 2)
    #expect(greedy.pick([3, 2, 1], draw: 0, said: [0, 0, 0]) == 1)
    #expect(greedy.pick([3, 2, 1.4], draw: 0, said: [0, 1]) == 0)
    #expect(greedy.pick([-1, -1.5, -4], draw: 0, said: [0]) == 1)
    #expect(greedy.pick([9, 3, 2, 1][1...], draw: 0, said: [0]) == 1)
    #expect(Sampler(temperature: 0).pick([3, 2], draw: 0, said: [0]) == 0)
  }

  @Test func temperatureZeroTakesTheLargestAndOfEqualsTheFirst() {
    #expect(Sampler(temperature: 0).pick(logits[...], draw: 0.99) == 1)
    #expect(Sampler(temperature: 0).pick(logits[...], draw: 0.99, forbidden: [1]) == 3)
    #expect(Sampler(topK: 1).pick(logits[...], draw: 0.99) == 1)
    #expect(Sampler(temperature: 0).pick([1, 2, 9, 3][1...], draw: 0) == 1)
  }

  @Test(arguments: [0.5, 1, 3])
  func drawsBySoftmax(temperature: Double) {
    let weights = logits.map { $0.isFinite ? exp(Double($0) / temperature) : 0 }
    let total = weights.reduce(0, +)
    for (share, weight) in zip(shares(Sampler(temperature: temperature, topP: 1)), weights) {
      #expect(abs(share - weight / total) < 2e-4)
    }
  }

  @Test func topPKeepsTheFewestTokensThatHoldTheMass() {
    // Softmax: 0.379, 0.379, 0.139, 0.051, 0.051 …; 0.8 needs the first three.
    let shares = shares(Sampler(temperature: 1, topP: 0.8))
    #expect(shares[0] == 0 && shares[2] == 0)
    #expect(shares[1] > 0.4 && shares[3] > 0.4 && shares[4] > 0.1)
  }

  @Test func topKAndForbiddenTokens() {
    let shares = shares(Sampler(temperature: 1, topP: 1, topK: 2), forbidden: [3])
    #expect(shares[1] > 0.5 && shares[4] > 0.2 && abs(shares[1] + shares[4] - 1) < 1e-9)
  }

  @Test func nothingFiniteIsNothing() {
    #expect(Sampler().pick([.nan, .infinity][...], draw: 0.5) == nil)
    #expect(Sampler(temperature: 0).pick([][...], draw: 0.5) == nil)
  }
}
