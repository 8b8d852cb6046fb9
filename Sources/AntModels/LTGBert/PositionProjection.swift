import AntAutograd

extension LTGBertConfiguration {
  /// How the heads share the columns of the projection of positions. The variants have equal names and shapes, so
  /// only the configuration can tell them apart.
  public enum PositionProjection: String, Sendable, Codable, CaseIterable {
    /// All heads' query positions, then all heads' key positions: what the authors train.
    case blocked
    /// Head by head, its query positions, then its key positions: what a published port computes.
    case perHead = "per_head"

    /// - Parameters:
    ///   - width: of the model.
    ///   - headDimension: of one head.
    func columns(width: Int, headDimension: Int) -> RelativePositions.Columns {
      switch self {
      case .blocked: .init(query: 0, key: width, step: headDimension)
      case .perHead: .init(query: 0, key: headDimension, step: 2 * headDimension)
      }
    }
  }
}
