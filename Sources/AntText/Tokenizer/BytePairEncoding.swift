/// Byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019): a piece is cut into bytes, and pairs
/// of tokens are merged in the order they were learnt.
struct BytePairEncoding: SubwordModel {
  let merges: MergeTable
  /// The id of each byte.
  let byteIDs: [Int32]
  /// Pieces that are tokens as they stand, where these go before merges; else empty.
  var wholePieces: [[UInt8]: Int32] = [:]

  func encode(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
    if !wholePieces.isEmpty, let whole = wholePieces[Array(piece)] {
      ids.append(whole)
      return
    }
    var symbols = piece.map { byteIDs[Int($0)] }
    merges.apply(to: &symbols)
    ids.append(contentsOf: symbols)
  }
}
