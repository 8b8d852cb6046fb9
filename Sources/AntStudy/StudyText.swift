import AntFiles
import AntText
import Foundation

/// The text of a study on the disk.
struct StudyText: Equatable, Sendable {
  var training: [String]
  var development: [String]
  var tokenizer: String
  var pairs: [String]

  /// Where the study brings its own English it is written below `folder`, once: the name says what it is.
  init(_ study: Study, in folder: URL) throws {
    switch study.text {
    case .files(let training, let development, let tokenizer):
      self.init(training: training, development: development, tokenizer: tokenizer, pairs: study.pairs.paths)
    case .english(let sentences, let vocabulary, let pairs):
      try self.init(sentences: sentences, vocabulary: vocabulary, pairs: pairs, in: folder)
      if !study.pairs.paths.isEmpty { self.pairs = study.pairs.paths }
    }
  }

  private init(sentences: Int, vocabulary: Int, pairs pairCount: Int, in folder: URL) throws {
    let english = folder.appending(path: "english-\(sentences)-\(vocabulary)-\(pairCount)")
    try FileSystem.makeFolder(english)
    func path(_ name: String) -> String { english.appending(path: name).path }
    func write(_ name: String, _ lines: (OutputFile) throws -> Void) throws {
      guard !FileSystem.exists(english.appending(path: name)) else { return }
      let file = try OutputFile(english.appending(path: name))
      try lines(file)
      try file.finish()
    }
    // Development text and pairs come from seeds that the training text does not.
    for (name, seed, count) in [("train.txt", 1, sentences), ("dev.txt", 2, max(100, sentences / 20))] {
      try write(name) { file in
        var english = SimpleEnglish(seed: UInt64(seed))
        try english.write(sentences: count) { try file.write($0 + "\n") }
      }
    }
    try write("pairs.jsonl") { file in
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      for pair in SimpleEnglish(seed: 3).pairs(each: pairCount) {
        try file.write(String(decoding: try encoder.encode(pair), as: UTF8.self) + "\n")
      }
    }
    if !FileSystem.exists(english.appending(path: "tokenizer.json")) {
      try Tokenizer.train(
        on: [URL(filePath: path("train.txt"))], TokenizerOptions(vocabularySize: vocabulary)
      ).write(to: URL(filePath: path("tokenizer.json")))
    }
    self.init(
      training: [path("train.txt")], development: [path("dev.txt")], tokenizer: path("tokenizer.json"),
      pairs: [path("pairs.jsonl")])
  }

  private init(training: [String], development: [String], tokenizer: String, pairs: [String]) {
    self.training = training
    self.development = development
    self.tokenizer = tokenizer
    self.pairs = pairs
  }
}
