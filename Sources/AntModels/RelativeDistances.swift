import AntAutograd

/// How a model's relative positions work: a row of its projection for each bucket of distances.
public struct RelativeDistances: Sendable {
  /// Buckets in all.
  public var count: Int
  /// The bucket, from 0, of a query that lies so many positions behind its key.
  public var bucket: @Sendable (_ distance: Int) -> Int
  /// Which columns of a layer's projection belong to a head.
  public var columns: RelativePositions.Columns

  public init(
    count: Int, columns: RelativePositions.Columns, bucket: @escaping @Sendable (_ distance: Int) -> Int
  ) {
    self.count = count
    self.columns = columns
    self.bucket = bucket
  }

  /// ``AntDevice/PositionScores/buckets`` of some queries against the keys from 0 on.
  func table(queries: Range<Int>, keys: Int) -> [Int32] {
    (0..<queries.count + keys - 1).map { Int32(bucket(queries.lowerBound + $0 - (keys - 1))) }
  }
}
