import Foundation

extension Tokenizer {
  /// Learns a vocabulary from text.
  ///
  /// The first ids are the specials, then come the bytes, the rest is what was learnt, in that order: tokens and
  /// merges as Hugging Face's trainers learn them from the same lines without their ends. WordPiece learns as BPE
  /// does and forgets the merges. In text `[MASK]` takes the white space before it along, as a word does. The same
  /// text gives the same tokenizer, however many cores count it.
  ///
  /// - Parameter files: text files, and folders of them.
  /// - Throws: ``CorpusError``, ``TokenizerError``, `FileError`
  public static func train(on files: [URL], _ options: TokenizerOptions) throws -> Tokenizer {
    let minimum = options.model.minimumVocabularySize
    guard options.vocabularySize >= minimum else {
      throw TokenizerError.vocabularyTooSmall(requested: options.vocabularySize, minimum: minimum)
    }
    guard options.vocabularySize <= maximumVocabularySize else {
      throw TokenizerError.vocabularyTooLarge(
        requested: options.vocabularySize, maximum: maximumVocabularySize)
    }
    let words = WordCounts(try TextFiles(files.map(\.path)), options.segmentation)
    guard words.table.count > 0 else { throw CorpusError.empty(paths: files.map(\.path)) }
    return train(on: words, options)
  }

  static func train(on words: WordCounts, _ options: TokenizerOptions) -> Tokenizer {
    let specials = options.model.specials
    // A word brings its space along, so a mask in a word's place takes the space before it.
    let added = options.model.specialNames.enumerated().map { id, name in
      AddedToken(id: Int32(id), content: name, stripsLeft: Int32(id) == specials.mask)
    }
    let tokens = added.map { Array($0.content.utf8) } + ByteAlphabet.sortedBytes.map { [$0] }
    var byteIDs = [Int32](repeating: 0, count: 256)
    for (place, byte) in ByteAlphabet.sortedBytes.enumerated() {
      byteIDs[Int(byte)] = Int32(added.count + place)
    }
    var learner = PairLearner(tokens: tokens, byteIDs: byteIDs, words: words)
    learner.learn(vocabularySize: options.vocabularySize, minimumFrequency: options.minimumFrequency)

    let model: any SubwordModel =
      switch options.model {
      case .bpe: BytePairEncoding(merges: MergeTable(learner.merges), byteIDs: byteIDs)
      case .wordpiece:
        WordPiece(
          tokens: learner.tokens.enumerated().dropFirst(added.count).map { ($0.element, Int32($0.offset)) },
          unknown: 0)
      }
    return Tokenizer(
      tokens: learner.tokens, model: model, segmentation: options.segmentation, template: options.template,
      added: added, specials: specials,
      json: TokenizerFile.json(tokens: learner.tokens, merges: learner.merges, added: added, options))
  }
}
