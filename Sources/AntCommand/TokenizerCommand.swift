import AntFiles
import AntText
import ArgumentParser
import Foundation

/// `antlm tokenizer`
struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer",
    abstract: "Trains and applies tokenizers over bytes: BPE and WordPiece.",
    subcommands: [Train.self, Encode.self, Decode.self])

  /// `antlm tokenizer train`
  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Learns a vocabulary from text and writes a Hugging Face tokenizer.json.",
      discussion: """
        bpe is GPT-2's, with <pad>, <s>, </s> and [MASK]. wordpiece is LTG-BERT's,
        with [UNK], [CLS], [SEP], [PAD], [MASK], [PAR] and [TAB], a space before each
        text and digits one by one.

        Examples:
          antlm tokenizer train --vocab 8192 --out tok.json text.txt more/
          antlm tokenizer train --vocab 16384 --model wordpiece --out ltg.json corpus/
        """)

    @Option(help: "Tokens: specials, 256 bytes and what is learnt.")
    var vocab: Int
    @Option(help: "bpe or wordpiece.")
    var model = TokenizerOptions.Model.bpe
    @Option(help: "A Unicode form that text is put in first: NFC, NFD, NFKC or NFKD. (default: none)")
    var normalizer: NormalizationForm?
    @Flag(
      inversion: .prefixedNo, help: "A space before a text that begins with none. (default: for wordpiece)")
    var prefixSpace: Bool?
    @Flag(inversion: .prefixedNo, help: "Every digit a token. (default: for wordpiece)")
    var separateDigits: Bool?
    @Option(help: "The tokenizer.json to write; one that exists is replaced.")
    var out: String
    @Option(help: "Pairs that occur less often are not learnt. (default: 2, for wordpiece 10)")
    var minimumFrequency: Int?
    @Argument(help: ArgumentHelp("Files or folders of text.", valueName: "path"))
    var files: [String]
    @Flag(help: "Print what was learnt as one JSON object.")
    var json = false

    func validate() throws {
      let minimum = model.minimumVocabularySize
      guard (minimum...Tokenizer.maximumVocabularySize).contains(vocab) else {
        throw ValidationError(
          "--vocab is \(vocab); it must be \(minimum) (\(minimum - 256) specials and 256 bytes) to \(Tokenizer.maximumVocabularySize)"
        )
      }
      if let minimumFrequency, minimumFrequency < 1 {
        throw ValidationError("--minimum-frequency must be 1 or more")
      }
      if files.contains("") { throw ValidationError("an empty path; name files or folders of text") }
      try OutputPath.require(out, "--out", apartFrom: files)
    }

    func run() throws {
      let start = ContinuousClock.now
      try OutputPath.requirePlace(for: out)
      let tokenizer = try Tokenizer.train(
        on: files.map { FileSystem.url(reading: $0) },
        TokenizerOptions(
          model, vocabularySize: vocab, minimumFrequency: minimumFrequency, normalizer: normalizer,
          addsPrefixSpace: prefixSpace, separatesDigits: separateDigits))
      try tokenizer.write(to: OutputPath.resolved(out))
      let seconds = start.duration(to: .now) / .seconds(1)
      if json {
        var object = JSONObject()
        object.set("out", out)
        object.set("vocabulary", tokenizer.vocabularySize)
        object.set("secondsElapsed", seconds)
        emit(object)
      } else {
        emit("\(out): \(tokenizer.vocabularySize) tokens" + String(format: ", %.1f s", seconds))
        if tokenizer.vocabularySize < vocab {
          warn("the text has no more pairs to learn: fewer than --vocab \(vocab)")
        }
      }
    }
  }

  /// `antlm tokenizer encode`
  struct Encode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints the ids of each line of a text.",
      discussion: "Example: antlm tokenizer encode tok.json text.txt")

    @Argument(help: "A tokenizer.json.")
    var tokenizer: String
    @Argument(help: "A text; - or nothing for standard input.")
    var file: String?
    @Flag(help: "Add what the tokenizer puts around a text, such as <s> or [CLS] and [SEP].")
    var addSpecials = false
    @Flag(help: "One JSON object a line, with ids and tokens.")
    var json = false

    func run() throws {
      let tokenizer = try Tokenizer(contentsOf: FileSystem.url(tokenizer))
      try forEachLine(of: file) { line in
        let ids = tokenizer.encode(line, addingSpecials: addSpecials)
        if json {
          var object = JSONObject()
          object.set("ids", ids.map { Int($0) })
          object.set("tokens", ids.map { tokenizer.decode([$0]) })
          StandardOutput.write("\(object)\n".utf8)
        } else {
          StandardOutput.write((ids.map(String.init).joined(separator: " ") + "\n").utf8)
        }
      }
    }
  }

  /// `antlm tokenizer decode`
  struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints the text of each line of ids, byte for byte.",
      discussion: "Example: antlm tokenizer encode tok.json text.txt | antlm tokenizer decode tok.json")

    @Argument(help: "A tokenizer.json.")
    var tokenizer: String
    @Argument(help: "Lines of ids; - or nothing for standard input.")
    var file: String?

    func run() throws {
      let tokenizer = try Tokenizer(contentsOf: FileSystem.url(tokenizer))
      var number = 0
      try forEachLine(of: file) { line in
        number += 1
        var ids: [Int32] = []
        for word in String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace) {
          guard let id = Int32(word), id >= 0, id < tokenizer.vocabularySize else {
            throw TextFileError.line(
              path: file ?? "standard input", line: number,
              expected: "'\(word)' is no id below \(tokenizer.vocabularySize)")
          }
          ids.append(id)
        }
        // Bytes, not text: a line may hold the half of a character.
        StandardOutput.write(tokenizer.decodeBytes(ids) + [UInt8(ascii: "\n")])
      }
    }
  }
}

extension TokenizerOptions.Model: ExpressibleByArgument {}

extension NormalizationForm: ExpressibleByArgument {
  public init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}

/// The lines of a file or of standard input as bytes, without their ends.
private func forEachLine(of path: String?, _ body: ([UInt8]) throws -> Void) throws {
  let data =
    if let path, path != "-" { try FileSystem.read(SystemPath(path)) } else {
      try FileSystem.read(STDIN_FILENO, path: "standard input")
    }
  if let encoding = TextLayout.otherEncoding(of: data) {
    throw TextFileError.encoding(path: path ?? "standard input", encoding: encoding)
  }
  for line in TextLayout.lines(of: data) { try body(line) }
}
