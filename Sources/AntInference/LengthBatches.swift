extension Sequence<Int> {
  /// Numbers of sequences, shortest first, cut into batches of similar length: each takes at most `positions` with
  /// the padding to its longest, or is a single sequence. Of equally long ones the lower number comes first, so the
  /// same sequences always make the same batches.
  package func batches(positions: Int, length: (Int) -> Int) -> [ArraySlice<Int>] {
    let order = sorted { (length($0), $0) < (length($1), $1) }
    var batches: [ArraySlice<Int>] = []
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, (end + 1 - start) * length(order[end]) <= positions { end += 1 }
      batches.append(order[start..<end])
      start = end
    }
    return batches
  }
}
