import AntDevice

extension OpenCLDevice {
  public func dropout(_ operation: Dropout) {
    // Blocks of four draws; the run may begin and end inside one.
    let firstBlock = operation.firstElement / 4
    let lastBlock = (operation.firstElement + UInt64(operation.count) + 3) / 4
    let blocks = operation.count == 0 ? 0 : Int(lastBlock - firstBlock)
    let blocksPerItem = usesGPUKernels ? 4 : 2048
    let items = (blocks + blocksPerItem - 1) / blocksPerItem
    let group = usesGPUKernels ? 64 : 1
    let stream = operation.stream
    launch(
      "dropout", "dropout", options: vectorOptions, global: [(items + group - 1) / group * group],
      local: [group], bytes: 8 * Double(operation.count),
      [
        .slice(operation.input), .slice(operation.residual), .slice(operation.output), .long(operation.count),
        .long(Int(bitPattern: UInt(operation.firstElement))), .float(operation.probability),
        .float(1 / (1 - operation.probability)), .uint(stream.key[0]), .uint(stream.key[1]),
        .uint(stream.counterTail[0]), .uint(stream.counterTail[1]), .int(operation.residual == nil ? 0 : 1),
        .int(blocksPerItem),
      ])
  }
}
