import Foundation

extension Tokenizer {
  /// Greater ids than any vocabulary has; a bound on what a broken file can make us allocate.
  static let greatestID = (1 << 22) - 1

  /// Reads a tokenizer.json.
  ///
  /// - Throws: ``TokenizerError``
  public init(contentsOf url: URL) throws {
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      let isThere = FileManager.default.fileExists(atPath: url.path)
      throw TokenizerError.unreadable(
        file: url.path, reason: isThere ? "it is no readable file" : "no such file")
    }
    try self.init(json: data, file: url.path)
  }

  /// - Parameter file: what errors call it.
  init(json data: Data, file: String) throws {
    let contents = try TokenizerFile.decode(data, file: file)
    let prefixSpace = try Self.checkComponents(contents, file: file)
    func malformed(_ reason: String) -> TokenizerError { .malformed(file: file, reason: reason) }

    let added = try (contents.addedTokens ?? []).map { token in
      guard (0...Self.greatestID).contains(token.id) else { throw malformed("added token of id \(token.id)") }
      if token.singleWord == true {
        throw TokenizerError.unsupported(file: file, feature: "single_word of an added token")
      }
      return AddedToken(
        id: Int32(token.id), content: token.content, stripsLeft: token.lstrip ?? false,
        stripsRight: token.rstrip ?? false, isSpecial: token.special ?? false)
    }

    let vocabulary = contents.model.vocab
    var greatest = added.map { Int($0.id) }.max() ?? -1
    for (name, id) in vocabulary {
      guard (0...Self.greatestID).contains(id) else {
        throw malformed("id \(id) of token \(String(reflecting: name))")
      }
      greatest = max(greatest, id)
    }
    var tokens = [[UInt8]](repeating: [], count: greatest + 1)
    var isTaken = [Bool](repeating: false, count: greatest + 1)
    for (name, id) in vocabulary {
      if isTaken[id] { throw malformed("two tokens of id \(id)") }
      isTaken[id] = true
      tokens[id] = ByteAlphabet.bytes(name) ?? Array(name.utf8)
    }
    for token in added { tokens[Int(token.id)] = Array(token.content.utf8) }

    let byteIDs = try ByteAlphabet.scalars.enumerated().map { byte, scalar -> Int32 in
      guard let id = vocabulary[String(Character(scalar))] else {
        throw malformed("no token for byte \(byte)")
      }
      return Int32(id)
    }
    let merges = try contents.model.merges.enumerated().map { place, merge -> MergeTable.Merge in
      guard case .pair(let left, let right) = merge, let leftID = vocabulary[left],
        let rightID = vocabulary[right], let id = vocabulary[left + right]
      else { throw malformed("merge \(place) names a token that is not in the vocabulary") }
      return MergeTable.Merge(left: Int32(leftID), right: Int32(rightID), merged: Int32(id))
    }
    self.init(
      tokens: tokens, byteIDs: byteIDs, merges: merges, added: added,
      specials: try Self.specials(added, vocabulary, file: file), addsPrefixSpace: prefixSpace,
      ignoresMerges: contents.model.ignoreMerges ?? false, json: Array(data))
  }

  /// Refuses what would make ids differ from those the file means. Returns whether a prefix space is added.
  private static func checkComponents(_ contents: TokenizerFile, file: String) throws -> Bool {
    func unsupported(_ feature: String) -> TokenizerError { .unsupported(file: file, feature: feature) }
    let model = contents.model
    if let type = model.type, type != "BPE" { throw unsupported("a model of type \(type)") }
    if let normalizer = contents.normalizer {
      throw unsupported("normalizer \(normalizer.type ?? "of no type")")
    }
    if (model.dropout ?? 0) != 0 { throw unsupported("dropout") }
    if model.continuingSubwordPrefix?.isEmpty == false { throw unsupported("continuing_subword_prefix") }
    if model.endOfWordSuffix?.isEmpty == false { throw unsupported("end_of_word_suffix") }
    var components = contents.preTokenizer.map { [$0] } ?? []
    if let first = components.first, first.type == "Sequence" { components = first.pretokenizers ?? [] }
    guard components.count == 1, let component = components.first, component.type == "ByteLevel" else {
      throw unsupported(
        "pre-tokenizer \(components.map { $0.type ?? "of no type" }.joined(separator: " + "))")
    }
    if component.useRegex == false { throw unsupported("ByteLevel without its pattern") }
    if let decoder = contents.decoder, decoder.type != "ByteLevel" {
      throw unsupported("decoder \(decoder.type ?? "of no type")")
    }
    return component.addPrefixSpace ?? true
  }

  /// Finds the four by their usual names; one that ends texts begins them too where there is no other.
  private static func specials(
    _ added: [AddedToken], _ vocabulary: [String: Int], file: String
  ) throws -> SpecialTokens {
    func find(_ names: [String]) -> Int32? {
      for name in names {
        if let token = added.first(where: { $0.content == name }) { return token.id }
        if let id = vocabulary[name] { return Int32(id) }
      }
      return nil
    }
    let endings = ["</s>", "[SEP]", "<|endoftext|>", "<|end_of_text|>", "<eos>", "[EOS]"]
    let beginnings = ["<s>", "[CLS]", "<|startoftext|>", "<|begin_of_text|>", "<bos>", "[BOS]"]
    guard let end = find(endings) ?? find(beginnings), let beginning = find(beginnings) ?? find(endings)
    else {
      throw TokenizerError.malformed(
        file: file, reason: "no token that begins or ends a text (<s>, </s>, [CLS], [SEP], <|endoftext|>)")
    }
    let mask = find(["[MASK]", "<mask>", "<|mask|>"]) ?? SpecialTokens.absent
    let padding = find(["<pad>", "[PAD]", "<|pad|>", "<|padding|>"]) ?? end
    let known: Set = [padding, beginning, end, mask]
    return SpecialTokens(
      padding: padding, beginning: beginning, end: end, mask: mask,
      others: added.filter { $0.isSpecial && !known.contains($0.id) }.map(\.id))
  }
}
