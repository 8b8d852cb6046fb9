/// Rotary position embedding (Su et al. 2021), half-split as in Llama, in place.
///
/// In each head, columns c and c + h (h = headDimension / 2) form a pair that is turned by the angle
/// `position * theta^(-2c / headDimension)`:
///
///     x'[c]     = x[c] cos - x[c + h] sin
///     x'[c + h] = x[c + h] cos + x[c] sin
///
/// The gradient of a rotation is the rotation back: `inverse`.
public struct Rotary {
  /// `[rows, heads * headDimension]`, changed in place.
  public let values: Matrix
  public let headDimension: Int
  /// int32, one a row.
  public let positions: BufferSlice
  /// `[positions, headDimension]`: h cosines, then h sines.
  public let table: Matrix
  public let inverse: Bool

  public init(
    _ values: Matrix, headDimension: Int, positions: BufferSlice, table: Matrix, inverse: Bool = false
  ) {
    precondition(
      headDimension > 0 && headDimension % 2 == 0 && values.columns % headDimension == 0
        && table.columns == headDimension && table.isContiguous,
      "Rotary: \(values.columns) columns, heads of \(headDimension), a table \(table.columns) wide")
    require(positions, holds: values.rows, of: .int32, "Rotary positions")
    self.values = values
    self.headDimension = headDimension
    self.positions = positions
    self.table = table
    self.inverse = inverse
  }

  public var heads: Int { values.columns / headDimension }
}
