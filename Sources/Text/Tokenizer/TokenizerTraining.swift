import Foundation

extension Tokenizer {
  /// Specials and bytes.
  public static let minimumVocabularySize = 4 + 256

  /// Learns a vocabulary from text.
  ///
  /// Ids 0 to 3 are the specials `<pad>`, `<s>`, `</s>` and `[MASK]`, 4 to 259 the bytes, the rest what was
  /// learnt, in that order. In text `[MASK]` takes the white space before it along, as a word does. The same text gives the same tokenizer, however many cores count it.
  ///
  /// - Parameters:
  ///   - files: text files, and folders of them.
  ///   - vocabularySize: at least 260; less is learnt where the text is too poor.
  ///   - minimumFrequency: pairs that occur less often are not merged.
  /// - Throws: ``CorpusError``, ``TokenizerError``
  public static func train(
    on files: [URL], vocabularySize: Int, minimumFrequency: Int = 2
  ) throws -> Tokenizer {
    try requireVocabularySize(vocabularySize)
    let words = WordCounts(try TextFiles(files.map(\.path)))
    guard words.table.count > 0 else { throw CorpusError.empty(paths: files.map(\.path)) }
    return train(on: words, vocabularySize: vocabularySize, minimumFrequency: minimumFrequency)
  }

  private static func requireVocabularySize(_ size: Int) throws {
    guard size >= minimumVocabularySize else {
      throw TokenizerError.vocabularyTooSmall(requested: size, minimum: minimumVocabularySize)
    }
    guard size <= greatestID + 1 else {
      throw TokenizerError.vocabularyTooLarge(requested: size, maximum: greatestID + 1)
    }
  }

  static func train(on words: WordCounts, vocabularySize: Int, minimumFrequency: Int) -> Tokenizer {
    // A word brings its space along, so a mask in a word's place takes the space before it.
    let added = SpecialTokens.names.enumerated().map { id, name in
      AddedToken(id: Int32(id), content: name, stripsLeft: name == SpecialTokens.maskName)
    }
    let tokens = added.map { Array($0.content.utf8) } + ByteAlphabet.sortedBytes.map { [$0] }
    var byteIDs = [Int32](repeating: 0, count: 256)
    for (place, byte) in ByteAlphabet.sortedBytes.enumerated() {
      byteIDs[Int(byte)] = Int32(added.count + place)
    }
    var learner = PairLearner(tokens: tokens, byteIDs: byteIDs, words: words)
    learner.learn(vocabularySize: vocabularySize, minimumFrequency: minimumFrequency)
    return Tokenizer(
      tokens: learner.tokens, byteIDs: byteIDs, merges: learner.merges, added: added,
      specials: .standard)
  }
}
