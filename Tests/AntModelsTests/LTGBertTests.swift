import AntAutograd
import AntBatch
import AntDevice
import AntModels
import Foundation
import Testing

@Suite struct LTGBertTests {
  /// The sizes the authors publish, and those of the models the paper trains.
  @Test func parameterCounts() throws {
    func count(_ preset: String, _ vocabulary: Int) throws -> Int {
      try #require(Architectures.standard.preset(preset, vocabularySize: vocabulary)).architecture
        .parameterCount
    }
    #expect(try count("ltg-bert-small", 16_384) == 27_741_952)
    #expect(try count("ltg-bert-base", 16_384) == 98_229_760)
    #expect(try count("babyllama", 16_000) == 58_343_936)
    #expect(try count("llama-97m", 16_000) == 97_241_856)
    #expect(Architectures.standard.preset("ltg-bert-huge", vocabularySize: 16_384) == nil)
    for name in Architectures.standard.presetNames {
      let configuration = try #require(Architectures.standard.preset(name, vocabularySize: 300))
      #expect(configuration.architecture.problem == nil, "\(name)")
    }
  }

  /// Where the buckets of 32 within 512 change, as the authors' float32 has them.
  @Test func bucketsChangeWhereTheAuthorsDo() {
    let buckets = LogBuckets(size: 32, farthest: 512)
    let starts = [
      17: 17, 18: 21, 19: 26, 20: 32, 21: 41, 22: 51, 23: 64, 24: 81, 25: 102, 26: 128, 27: 162, 28: 203,
      29: 256, 30: 322, 31: 406,
    ]
    #expect(buckets.count == 63)
    for distance in -16...16 { #expect(buckets.bucket(distance) == distance + 31) }
    for (bucket, start) in starts {
      #expect(buckets.bucket(start) == bucket + 31 && buckets.bucket(-start) == 31 - bucket)
      #expect(buckets.bucket(start - 1) == bucket + 30 && buckets.bucket(1 - start) == 32 - bucket)
    }
    #expect(buckets.bucket(511) == 62 && buckets.bucket(100_000) == 62 && buckets.bucket(-100_000) == 0)
  }

  @Test func initialWeights() throws {
    let device = try openDevice("cpu")
    let configuration = LTGBertConfiguration(
      vocabularySize: 900, hiddenSize: 64, intermediateSize: 100, layers: 3, heads: 2)
    let model = LTGBert(configuration, seed: 1, on: device)
    let flat = try model.parameters.read()
    let deviation = (2.0 / (5 * 64)).squareRoot()
    for segment in model.parameters.segments {
      let values = flat[segment.range].map(Double.init)
      guard segment.shape.count == 2 else {
        let expected: Double = segment.name.hasSuffix("norm.weight") ? 1 : 0
        #expect(values.allSatisfy { $0 == expected }, "\(segment.name)")
        continue
      }
      var scale = deviation
      for layer in 0..<3 where segment.name.hasPrefix("transformer.layers.\(layer).mlp") {
        scale *= (1 / (2 * Double(1 + layer))).squareRoot()
      }
      let spread = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
      let mean = values.reduce(0, +) / Double(values.count)
      // A normal distribution cut at two deviations has 0.8796 of its deviation.
      #expect(abs(mean) < 0.05 * scale && abs(spread / scale - 0.8796) < 0.02, "\(segment.name)")
      #expect(values.allSatisfy { abs($0) <= 2 * scale }, "\(segment.name)")
      #expect(values.contains { abs($0) > 1.9 * scale }, "\(segment.name)")
    }
    #expect(try LTGBert(configuration, seed: 1, on: device).parameters.read() == flat)
    #expect(try LTGBert(configuration, seed: 2, on: device).parameters.read() != flat)
  }

  /// Embeddings, norms and biases do not decay.
  @Test func whatDecays() {
    let decaying = LTGBertConfiguration.tiny().segments.filter(\.decays).flatMap(\.parts).map(\.name)
    #expect(decaying.count == 2 * 5 + 1)
    #expect(decaying.allSatisfy { !$0.contains("bias") && !$0.contains("norm") && !$0.contains("embedding") })
  }

  @Test(arguments: LTGBertConfiguration.PositionProjection.allCases)
  func readsBackWhatItWrites(layout: LTGBertConfiguration.PositionProjection) throws {
    let device = try openDevice("cpu")
    let model = LTGBert(.tiny(layout), seed: 4, on: device)
    let folder = TemporaryFolder()
    try model.write(to: folder.url)
    let read = try ModelFolder.read(folder.url, on: device)
    #expect(read.configuration == .init(LTGBertConfiguration.tiny(layout)))
    #expect(try read.parameters.read() == model.parameters.read())
    let weights = try SafeTensors(contentsOf: folder.weights)
    #expect(weights.entry("transformer.layers.1.attention.in_proj_qk.weight")?.shape == [24, 12])
    #expect(weights.entry("transformer.layers.1.attention.in_proj_v.bias")?.shape == [12])
    #expect(weights.entry("embedding.relative_embedding")?.shape == [9, 12])
    #expect(weights.entry("classifier.nonlinearity.5.bias")?.shape == [23])
    #expect(weights.entry("classifier.nonlinearity.5.weight") == nil)
    #expect(weights.entries.count == 4 + 10 * 2 + 3)
  }

  /// The tied output layer and the tables of buckets may be in a file; a different output layer may not.
  @Test func readsWhatFollowsFromTheRest() throws {
    let device = try openDevice("cpu")
    let model = LTGBert(.tiny(), seed: 4, on: device)
    let folder = TemporaryFolder()
    try model.write(to: folder.url)
    let file = try SafeTensors(contentsOf: folder.weights)
    var sources = try file.entries.map {
      SafeTensors.Source($0.name, shape: $0.shape, values: try file.floats($0.name)[...])
    }
    let table = try file.floats("embedding.word_embedding.weight")
    sources.append(.init("classifier.nonlinearity.5.weight", shape: [23, 12], values: table[...]))
    sources.append(
      .init("transformer.layers.0.attention.position_indices", shape: [2, 2], values: [0, 1, 2, 3]))
    try SafeTensors.write(sources, to: folder.weights)
    #expect(try ModelFolder.read(folder.url, on: device).parameters.read() == model.parameters.read())
    sources[sources.count - 2] = .init(
      "classifier.nonlinearity.5.weight", shape: [23, 12], values: table.map { $0 + 1 }[...])
    try SafeTensors.write(sources, to: folder.weights)
    #expect(
      throws: ModelError.notTied(
        file: folder.weights.path, tensor: "classifier.nonlinearity.5.weight",
        original: "embedding.word_embedding.weight")
    ) { try ModelFolder.read(folder.url, on: device) }
  }

  /// The two variants have the same tensors and different logits; without its key the file is refused.
  @Test func theConfigurationTellsTheVariantsApart() throws {
    let device = try openDevice("cpu")
    let input = Batch(
      ids: randomIDs(9, below: 23), mask: AttentionMask(.bidirectional, sequences: 1, length: 9))
    let folder = TemporaryFolder()
    try LTGBert(.tiny(.blocked), seed: 4, on: device).write(to: folder.url)
    let blocked = try ModelFolder.read(folder.url, on: device).logits(input, rows: [3])
    let file = folder.url.appending(path: "config.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    try Data(text.replacing("\"blocked\"", with: "\"per_head\"").utf8).write(to: file)
    #expect(
      try relativeError(ModelFolder.read(folder.url, on: device).logits(input, rows: [3]), blocked) > 1e-3)
    try Data(text.replacing("\"position_projection\"", with: "\"something\"").utf8).write(to: file)
    let error = try #require(throws: ModelError.self) { try ModelFolder.read(folder.url, on: device) }
    #expect(error.description.contains("blocked or per_head"))
  }
}
