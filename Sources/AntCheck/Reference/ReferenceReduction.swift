import AntDevice

/// Sums of everything, of its squares, or of each column.
extension ReferenceDevice {
  public func reduction(_ operation: Reduction) {
    var sum = operation.accumulate ? operation.output.numbers[0] : .zero
    for index in 0..<operation.count {
      let x = operation.input.numbers[index]
      sum += operation.kind == .sum ? x : x * x
    }
    operation.output.numbers[0] = sum
  }

  public func reduction(_ operation: ColumnSum) {
    for column in 0..<operation.input.columns {
      var sum = operation.accumulate ? operation.output.numbers[column] : .zero
      for row in 0..<operation.input.rows { sum += operation.input.reference()[row, column] }
      operation.output.numbers[column] = sum
    }
  }
}
