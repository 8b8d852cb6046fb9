import AntFiles
import Foundation

extension Tokenizer {
  /// Greater ids than any vocabulary has; a bound on what a broken file can make us allocate.
  static let greatestID = maximumVocabularySize - 1

  /// The most tokens a vocabulary may have.
  public static let maximumVocabularySize = 1 << 22

  /// Reads a tokenizer.json.
  ///
  /// - Throws: ``TokenizerError`` or `FileError`
  public init(contentsOf url: URL) throws {
    try self.init(json: FileSystem.read(url), file: url.path)
  }

  /// As ``init(contentsOf:)``, of the file in the folder of a run or a model.
  ///
  /// - Throws: ``TokenizerError``, `FileError` or `FileKindError`.
  package init(own url: URL) throws {
    try self.init(json: FileSystem.read(own: url), file: url.path)
  }

  /// - Parameter file: what errors call it.
  init(json data: Data, file: String) throws {
    let contents = try TokenizerFile.decode(data, file: file)
    let segmentation = try Self.segmentation(contents, file: file)
    func malformed(_ reason: String) -> TokenizerError { .malformed(file: file, reason: reason) }

    let vocabulary = contents.model.vocab
    for (name, id) in vocabulary where !(0...Self.greatestID).contains(id) {
      throw malformed("id \(id) of token \(String(reflecting: name.text))")
    }
    let added = try Self.added(contents.addedTokens ?? [], to: vocabulary, file: file)
    let greatest = max(vocabulary.values.max() ?? -1, added.map { Int($0.id) }.max() ?? -1)
    var tokens = [[UInt8]](repeating: [], count: greatest + 1)
    var isTaken = [Bool](repeating: false, count: greatest + 1)
    for (name, id) in vocabulary {
      if isTaken[id] { throw malformed("two tokens of id \(id)") }
      isTaken[id] = true
      tokens[id] = ByteAlphabet.bytes(name.text) ?? Array(name.text.utf8)
    }
    for token in added {
      let id = Int(token.id)
      guard !isTaken[id] || vocabulary[ExactText(token.content)] == id else {
        throw malformed(
          "added token \(String(reflecting: token.content)) comes to the id \(id), which is another token's: "
            + "the vocabulary leaves ids out")
      }
      isTaken[id] = true
      tokens[id] = Array(token.content.utf8)
    }

    let template = try Self.template(contents.postProcessor, file: file)
    for id in template.before + template.after where Int(id) >= isTaken.count || !isTaken[Int(id)] {
      throw malformed("the post_processor adds a token of id \(id), which is none")
    }
    let type = contents.model.type ?? (contents.model.merges == nil ? "WordPiece" : "BPE")
    let model: any SubwordModel =
      type == "BPE"
      ? try Self.bytePairEncoding(contents.model, added: added, file: file)
      : try Self.wordPiece(contents.model, added: added, file: file)
    self.init(
      tokens: tokens, model: model, segmentation: segmentation, template: template, added: added,
      specials: try Self.specials(added, vocabulary, template, file: file), json: Array(data))
  }

  /// The added tokens with the ids that Hugging Face's tokenizers gives them, whatever ids the file says: that of the
  /// name in the vocabulary, or else the next after all ids so far. One without a name is none.
  private static func added(
    _ tokens: [TokenizerFile.Added], to vocabulary: [ExactText: Int], file: String
  ) throws -> [AddedToken] {
    func malformed(_ reason: String) -> TokenizerError { .malformed(file: file, reason: reason) }
    var next = vocabulary.count
    var seen: Set<ExactText> = []
    return try tokens.compactMap { token in
      let name = String(reflecting: token.content)
      guard (0...Int(UInt32.max)).contains(token.id) else {
        throw malformed("added token \(name) has the id \(token.id)")
      }
      if token.content.isEmpty { return nil }
      guard seen.insert(ExactText(token.content)).inserted else {
        throw malformed("added token \(name) is there twice")
      }
      if token.singleWord == true {
        throw TokenizerError.unsupported(file: file, feature: "single_word of an added token")
      }
      let id = vocabulary[ExactText(token.content)] ?? next
      // As there, an added token that the vocabulary has beyond its own number of tokens moves the next id on.
      next = max(next, id + 1)
      guard id <= greatestID else { throw malformed("more than \(maximumVocabularySize) tokens") }
      return AddedToken(
        id: Int32(id), content: token.content, stripsLeft: token.lstrip ?? false,
        stripsRight: token.rstrip ?? false, isSpecial: token.special ?? false,
        isNormalized: token.normalized ?? !(token.special ?? false))
    }
  }

  private static func bytePairEncoding(
    _ model: TokenizerFile.Model, added: [AddedToken], file: String
  ) throws -> BytePairEncoding {
    func malformed(_ reason: String) -> TokenizerError { .malformed(file: file, reason: reason) }
    let byteIDs = try ByteAlphabet.scalars.enumerated().map { byte, scalar -> Int32 in
      guard let id = model.vocab[ExactText(String(Character(scalar)))] else {
        throw malformed("no token for byte \(byte)")
      }
      return Int32(id)
    }
    let merges = try (model.merges ?? []).enumerated().map { place, merge -> MergeTable.Merge in
      guard let leftID = model.vocab[ExactText(merge.left)],
        let rightID = model.vocab[ExactText(merge.right)],
        let id = model.vocab[ExactText(merge.left + merge.right)]
      else { throw malformed("merge \(place) names a token that is not in the vocabulary") }
      return MergeTable.Merge(left: Int32(leftID), right: Int32(rightID), merged: Int32(id))
    }
    var encoding = BytePairEncoding(merges: MergeTable(merges), byteIDs: byteIDs)
    if model.ignoreMerges == true {
      encoding.wholePieces = Dictionary(
        uniqueKeysWithValues: pieces(model.vocab, apartFrom: added.map(\.content)))
    }
    return encoding
  }

  private static func wordPiece(
    _ model: TokenizerFile.Model, added: [AddedToken], file: String
  ) throws -> WordPiece {
    guard let name = model.unknownToken, let unknown = model.vocab[ExactText(name)] else {
      throw TokenizerError.malformed(file: file, reason: "no unk_token in the vocabulary")
    }
    let longestPiece = model.longestWord ?? 100
    guard longestPiece >= 0 else {
      throw TokenizerError.malformed(file: file, reason: "max_input_chars_per_word is \(longestPiece)")
    }
    return WordPiece(
      // What is special must never come out of text that is data.
      tokens: pieces(model.vocab, apartFrom: added.filter(\.isSpecial).map(\.content)),
      unknown: Int32(unknown),
      longestPiece: longestPiece)
  }

  /// The tokens that stand for bytes.
  private static func pieces(
    _ vocabulary: [ExactText: Int], apartFrom names: [String]
  ) -> [(bytes: [UInt8], id: Int32)] {
    let names = Set(names.map(ExactText.init))
    return vocabulary.compactMap { name, id in
      guard !names.contains(name), let bytes = ByteAlphabet.bytes(name.text), !bytes.isEmpty else {
        return nil
      }
      return (bytes, Int32(id))
    }
  }

  /// How the file cuts text. Refuses what would make ids differ from those it means.
  private static func segmentation(_ contents: TokenizerFile, file: String) throws -> Segmentation {
    func unsupported(_ feature: String) -> TokenizerError { .unsupported(file: file, feature: feature) }
    let model = contents.model
    if let type = model.type, type != "BPE" && type != "WordPiece" {
      throw unsupported("a model of type \(type)")
    }
    if (model.dropout ?? 0) != 0 { throw unsupported("dropout") }
    // WordPiece has one unless told otherwise.
    let prefix = model.continuingSubwordPrefix ?? (model.type == "WordPiece" ? "##" : "")
    if !prefix.isEmpty { throw unsupported("continuing_subword_prefix") }
    if model.endOfWordSuffix?.isEmpty == false { throw unsupported("end_of_word_suffix") }

    var segmentation = Segmentation()
    for component in contents.normalizer?.sequence ?? [] {
      guard let form = NormalizationForm(rawValue: component.type ?? "") else {
        throw unsupported("normalizer \(component.type ?? "of no type")")
      }
      segmentation.normalizer.forms.append(form)
    }
    var isInBytes = false
    for component in contents.preTokenizer?.sequence ?? [] {
      let digits: Segmentation.Digits = component.individualDigits == true ? .individual : .contiguous
      switch component.type {
      case "Digits" where isInBytes && segmentation.digitsOfBytes == nil: segmentation.digitsOfBytes = digits
      case "Digits" where !isInBytes && segmentation.digitsOfText == nil: segmentation.digitsOfText = digits
      case "ByteLevel" where !isInBytes:
        if component.useRegex == false { throw unsupported("ByteLevel without its pattern") }
        segmentation.addsPrefixSpace = component.addPrefixSpace ?? true
        isInBytes = true
      default:
        throw unsupported(
          "pre-tokenizer \(component.type ?? "of no type")\(isInBytes ? " after ByteLevel" : "")")
      }
    }
    guard isInBytes else { throw unsupported("a pre-tokenizer without ByteLevel") }
    if let decoder = contents.decoder, decoder.type != "ByteLevel" {
      throw unsupported("decoder \(decoder.type ?? "of no type")")
    }
    return segmentation
  }

  private static func template(_ processor: TokenizerFile.PostProcessor?, file: String) throws
    -> TokenTemplate
  {
    func malformed() -> TokenizerError {
      .malformed(file: file, reason: "a post_processor without its tokens")
    }
    func id(_ id: Int) throws -> Int32 {
      guard (0...greatestID).contains(id) else { throw malformed() }
      return Int32(id)
    }
    guard let processor else { return TokenTemplate() }
    switch processor.type {
    case "ByteLevel": return TokenTemplate()
    case "BertProcessing", "RobertaProcessing":
      guard let cls = processor.cls, let sep = processor.sep else { throw malformed() }
      return TokenTemplate(before: [try id(cls.id)], after: [try id(sep.id)])
    case "TemplateProcessing":
      let steps = processor.single ?? []
      guard let place = steps.firstIndex(where: { $0.sequence != nil }) else { throw malformed() }
      func ids(_ steps: ArraySlice<TokenizerFile.PostProcessor.Step>) throws -> [Int32] {
        try steps.flatMap { step -> [Int32] in
          guard let name = step.specialToken?.id, let token = processor.specialTokens?[ExactText(name)] else {
            throw malformed()
          }
          return try token.ids.map(id)
        }
      }
      return TokenTemplate(before: try ids(steps[..<place]), after: try ids(steps[(place + 1)...]))
    case "Sequence":
      return try (processor.processors ?? []).reduce(TokenTemplate()) { inner, processor in
        let outer = try template(processor, file: file)
        return TokenTemplate(before: outer.before + inner.before, after: inner.after + outer.after)
      }
    default:
      throw TokenizerError.unsupported(
        file: file, feature: "post-processor \(processor.type ?? "of no type")")
    }
  }

  /// Finds the four: those the template puts around a text, and by their usual names. One that ends texts begins
  /// them too where there is no other.
  private static func specials(
    _ added: [AddedToken], _ vocabulary: [ExactText: Int], _ template: TokenTemplate, file: String
  ) throws -> SpecialTokens {
    func find(_ names: [String]) -> Int32? {
      for name in names {
        if let token = added.first(where: { $0.content.isExactly(name) }) { return token.id }
        if let id = vocabulary[ExactText(name)] { return Int32(id) }
      }
      return nil
    }
    let endings = ["</s>", "[SEP]", "<|endoftext|>", "<|end_of_text|>", "<eos>", "[EOS]"]
    let beginnings = ["<s>", "[CLS]", "<|startoftext|>", "<|begin_of_text|>", "<bos>", "[BOS]"]
    let first = template.before.first ?? find(beginnings)
    let last = template.after.last ?? find(endings)
    guard let end = last ?? first, let beginning = first ?? last
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
