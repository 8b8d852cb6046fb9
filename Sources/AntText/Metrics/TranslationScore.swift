/// How close translations are to references: ``BLEU`` and ``ChrF`` of all sentences together.
public struct TranslationScore: Sendable, Equatable {
  public let sentences: Int
  public let bleu: BLEU
  public let chrF: ChrF

  public init(_ hypotheses: [String], references: [String]) {
    sentences = hypotheses.count
    bleu = BLEU(hypotheses, references: references)
    chrF = ChrF(hypotheses, references: references)
  }
}
