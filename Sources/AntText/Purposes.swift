import AntRandom

extension RandomStream.Purpose {
  /// Which tokens an objective hides, and what stands in their place.
  public static let masking = Self(5)
  /// The order in which blocks or examples are read.
  public static let shuffling = Self(6)
  /// Text that is made up: simple English, and what a model writes.
  public static let generation = Self(8)
}
