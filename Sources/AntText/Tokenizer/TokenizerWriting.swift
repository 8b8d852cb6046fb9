import AntFiles
import Foundation

extension Tokenizer {
  /// Writes tokenizer.json: byte for byte what was read, where it was read from a file.
  ///
  /// - Throws: `FileError`
  public func write(to url: URL) throws {
    try FileSystem.write(Data(json), to: url)
  }
}

extension TokenizerFile {
  /// A tokenizer.json as Hugging Face's `tokenizers` reads it. Encoding there adds the specials of the template
  /// unless told not to.
  static func json(
    tokens: [[UInt8]], merges: [MergeTable.Merge], added: [Tokenizer.AddedToken], _ options: TokenizerOptions
  ) -> [UInt8] {
    let names = Dictionary(uniqueKeysWithValues: added.map { ($0.id, $0.content) })
    let name = { (id: Int32) in JSONObject.quoted(names[id] ?? ByteAlphabet.string(tokens[Int(id)])) }
    let byteLevel =
      "{\"type\": \"ByteLevel\", \"add_prefix_space\": \(options.addsPrefixSpace), \"trim_offsets\": true, "
      + "\"use_regex\": true}"
    let normalizer = options.normalizer.map { "{\"type\": \"\($0.rawValue)\"}" } ?? "null"
    let preTokenizer =
      options.separatesDigits
      ? "{\"type\": \"Sequence\", \"pretokenizers\": [\(byteLevel), "
        + "{\"type\": \"Digits\", \"individual_digits\": true}]}" : byteLevel
    var text = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
    text += "  \"added_tokens\": [\n"
    text += added.map { token in
      "    {\"id\": \(token.id), \"content\": \(JSONObject.quoted(token.content)), \"single_word\": false, "
        + "\"lstrip\": \(token.stripsLeft), \"rstrip\": \(token.stripsRight), \"normalized\": false, "
        + "\"special\": \(token.isSpecial)}"
    }.joined(separator: ",\n")
    text += "\n  ],\n  \"normalizer\": \(normalizer),\n  \"pre_tokenizer\": \(preTokenizer),\n"
    text += "  \"post_processor\": \(postProcessor(options, name)),\n  \"decoder\": \(byteLevel),\n"
    text += "  \"model\": {\n"
    switch options.model {
    case .bpe:
      text += "    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
      text += "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
      text += "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n"
    case .wordpiece:
      text += "    \"type\": \"WordPiece\",\n    \"unk_token\": \(name(0)),\n"
      text += "    \"continuing_subword_prefix\": \"\",\n    \"max_input_chars_per_word\": 100,\n"
    }
    text += "    \"vocab\": {\n"
    text += tokens.indices.map { "      \(name(Int32($0))): \($0)" }.joined(separator: ",\n")
    text += "\n    }"
    if options.model == .bpe {
      text += ",\n    \"merges\": [\n"
      text += merges.map { "      [\(name($0.left)), \(name($0.right))]" }.joined(separator: ",\n")
      text += "\n    ]"
    }
    text += "\n  }\n}\n"
    return Array(text.utf8)
  }

  private static func postProcessor(
    _ options: TokenizerOptions, _ name: @escaping (Int32) -> String
  ) -> String {
    let template = options.template
    let special = { (id: Int32) in "{\"SpecialToken\": {\"id\": \(name(id)), \"type_id\": 0}}" }
    let sequence = { (letter: String) in "{\"Sequence\": {\"id\": \"\(letter)\", \"type_id\": 0}}" }
    let end = options.model.specials.end
    let single = template.before.map(special) + [sequence("A")] + template.after.map(special)
    let pair =
      template.before.map(special) + [sequence("A"), special(end), sequence("B")]
      + template.after.map(special)
    let tokens = Set(template.before + template.after + [end]).sorted().map { id in
      "\(name(id)): {\"id\": \(name(id)), \"ids\": [\(id)], \"tokens\": [\(name(id))]}"
    }
    return "{\"type\": \"TemplateProcessing\", \"single\": [\(single.joined(separator: ", "))], "
      + "\"pair\": [\(pair.joined(separator: ", "))], "
      + "\"special_tokens\": {\(tokens.joined(separator: ", "))}}"
  }
}
