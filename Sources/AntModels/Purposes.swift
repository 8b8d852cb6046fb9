import AntRandom

extension RandomStream.Purpose {
  /// The first weights.
  public static let initialization = Self(0)
  public static let embeddingDropout = Self(1)
  /// Of attention's weights.
  public static let attentionDropout = Self(2)
  /// Of a layer's outputs.
  public static let hiddenDropout = Self(3)
  /// Before a classifier's last product.
  public static let headDropout = Self(4)
  /// Of the embeddings of relative positions.
  public static let positionDropout = Self(9)
  /// The first weights of a classifier's head.
  public static let classification = Self(10)
}
