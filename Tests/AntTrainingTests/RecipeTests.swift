import AntModels
import Foundation
import Testing

@testable import AntTraining

@Suite struct RecipeTests {
  /// Every recipe names every option that decides a result, and says where it comes from; what it says can be.
  @Test(arguments: Recipe.all.keys.sorted())
  func isWholeAndValid(name: String) throws {
    let recipe = try Recipe.named(name)
    let deciding: Set = [
      "model", "schedule", "batch", "accumulate", "length", "optimizer", "learningRate", "learningRateFloor",
      "learningRateSpan", "warmup", "optimizerState", "beta1", "beta2", "epsilon", "weightDecay", "clip",
      "ema",
      "dropout", "maskRate", "maskUnit", "precision",
    ]
    #expect(deciding.isSubset(of: recipe.values.keys))
    for entry in recipe.values.values + [recipe.tokenizer] { #expect(entry.from.count > 3) }

    let configuration = recipe.configuration(training: ["text"])
    try configuration.validate()
    _ = try Schedule(configuration.schedule)
    let model = try #require(Architectures.standard.preset(configuration.model, vocabularySize: 16_384))
    #expect(configuration.length.longest <= model.architecture.maximumLength)
    // What is written is what is run.
    let written = try #require(
      JSONSerialization.jsonObject(with: JSONEncoder().encode(configuration)) as? [String: Any])
    for (key, entry) in recipe.values {
      let value = try #require(written[key], "\(key) is no option")
      switch entry.value {
      case .integer(let expected): #expect((value as? Double) == Double(expected), "\(key)")
      case .number(let expected):
        #expect((value as? Double).map { abs($0 - expected) <= 1e-7 * expected } == true)
      case .text(let expected): #expect(value as? String == expected, "\(key)")
      case .flag(let expected): #expect(value as? Bool == expected, "\(key)")
      }
    }
    #expect(configuration.training == ["text"])
  }

  @Test func carriesThePapersSchedules() throws {
    let llama = try Recipe.named("antlm-babyllama").configuration(training: [])
    #expect(llama.schedule == "4_CLM+16_MLM+4_CLM" && llama.model == "babyllama")
    let bert = try Recipe.named("antlm-ltg-bert-base").configuration(training: [])
    #expect(bert.schedule == "6_CLM+60_MLM+6_CLM" && bert.model == "ltg-bert-base")
    #expect(bert.optimizer == "lamb" && bert.length.description == "128:90%,512" && bert.beta2 == 0.98)
    #expect(try Recipe.named("antlm-ltg-bert-base").values["schedule"]?.standing == .unconfirmed)
    #expect(throws: TrainingError.self) { try Recipe.named("nothing") }
  }
}
