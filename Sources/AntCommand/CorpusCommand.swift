import AntFiles
import AntText
import ArgumentParser
import Foundation

/// `antlm corpus`
struct CorpusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpus",
    abstract: "Makes a text of simple English, and minimal pairs to test what a model has learnt from it.",
    discussion: """
      The text is the program's own: a grammar with agreement, anaphors, questions
      and quantifiers. The same seed gives the same text; take another seed for
      development text.

      Example: antlm corpus --sentences 50000 --seed 1 --out text.txt \\
          --pairs pairs.jsonl
      """)

  @Option(help: "How many sentences.")
  var sentences = 50_000
  @Option(help: "Decides every sentence.")
  var seed: UInt64 = 1
  @Option(help: "The text file to write; one that exists is replaced.")
  var out: String
  @Option(help: "A file for minimal pairs, one JSON object a line.")
  var pairs: String?
  @Option(help: "Pairs of each phenomenon.")
  var pairsEach = 100
  @Flag(help: "Print what was written as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...1_000_000_000).contains(sentences) else {
      throw ValidationError("--sentences is \(sentences); it must be 1 to 1000000000")
    }
    guard (1...10_000).contains(pairsEach) else {
      throw ValidationError("--pairs-each is \(pairsEach); it must be 1 to 10000")
    }
    try OutputPath.require(out, "--out")
    if let pairs { try OutputPath.require(pairs, "--pairs", apartFrom: [out]) }
  }

  func run() throws {
    if let pairs { try OutputPath.requirePlace(for: pairs) }
    Interruption.watch("stopping; nothing is replaced")
    var english = SimpleEnglish(seed: seed)
    let text = try OutputFile(FileSystem.url(out))
    try english.write(sentences: sentences) {
      if Interruption.isRequested { throw ExitCode(130) }
      try text.write($0 + "\n")
    }
    var pairCount = 0
    // Both are complete before either takes its place.
    let pairsFile = try pairs.map { try OutputFile(FileSystem.url($0)) }
    if let file = pairsFile {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      for pair in SimpleEnglish(seed: seed).pairs(each: pairsEach) {
        try file.write(String(decoding: try encoder.encode(pair), as: UTF8.self) + "\n")
        pairCount += 1
      }
    }
    let bytes = try text.finish()
    try pairsFile?.finish()
    if json {
      var object = JSONObject()
      object.set("out", out)
      object.set("sentences", sentences)
      object.set("bytes", bytes)
      object.set("pairs", pairCount)
      emit(object)
    } else {
      emit("\(out): \(sentences) sentences, \(bytes) bytes")
      if let pairs { emit("\(pairs): \(pairCount) pairs") }
    }
  }
}
