import Files
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
  /// A tokenizer.json as Hugging Face's `tokenizers` reads it. Encoding there adds `<s>` unless told not to.
  static func json(
    tokens: [[UInt8]], merges: [MergeTable.Merge], added: [Tokenizer.AddedToken], prefixSpace: Bool
  ) -> [UInt8] {
    let names = Dictionary(uniqueKeysWithValues: added.map { ($0.id, $0.content) })
    let name = { (id: Int32) in JSONObject.quoted(names[id] ?? ByteAlphabet.string(tokens[Int(id)])) }
    let byteLevel =
      "{\"type\": \"ByteLevel\", \"add_prefix_space\": \(prefixSpace), \"trim_offsets\": true, "
      + "\"use_regex\": true}"
    var text = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
    text += "  \"added_tokens\": [\n"
    text += added.map { token in
      "    {\"id\": \(token.id), \"content\": \(JSONObject.quoted(token.content)), \"single_word\": false, "
        + "\"lstrip\": \(token.stripsLeft), \"rstrip\": \(token.stripsRight), \"normalized\": false, "
        + "\"special\": \(token.isSpecial)}"
    }.joined(separator: ",\n")
    text += "\n  ],\n  \"normalizer\": null,\n  \"pre_tokenizer\": \(byteLevel),\n"
    text += "  \"post_processor\": \(postProcessor),\n  \"decoder\": \(byteLevel),\n"
    text += "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
    text += "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
    text += "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n"
    text += "    \"vocab\": {\n"
    text += tokens.indices.map { "      \(name(Int32($0))): \($0)" }.joined(separator: ",\n")
    text += "\n    },\n    \"merges\": [\n"
    text += merges.map { "      [\(name($0.left)), \(name($0.right))]" }.joined(separator: ",\n")
    text += "\n    ]\n  }\n}\n"
    return Array(text.utf8)
  }

  private static let postProcessor =
    "{\"type\": \"TemplateProcessing\", "
    + "\"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, "
    + "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], "
    + "\"pair\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, "
    + "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, "
    + "{\"SpecialToken\": {\"id\": \"</s>\", \"type_id\": 0}}, "
    + "{\"Sequence\": {\"id\": \"B\", \"type_id\": 0}}], "
    + "\"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": [1], \"tokens\": [\"<s>\"]}, "
    + "\"</s>\": {\"id\": \"</s>\", \"ids\": [2], \"tokens\": [\"</s>\"]}}}"
}
