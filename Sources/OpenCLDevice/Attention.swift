import Device

extension Attention {
  /// What the precision and the optional terms are compiled in by.
  fileprivate var commonOptions: String {
    precision.option + (positions == nil ? "" : " -DPOSITIONS=1") + (dropout == nil ? "" : " -DDROPOUT=1")
  }

  fileprivate var positionArguments: [KernelArgument] {
    KernelArgument.matrix(positions?.query) + KernelArgument.matrix(positions?.key)
      + [
        .slice(positions?.buckets), .int(positions?.pitch(heads: shape.heads) ?? 0),
        .int(positions?.bucketCount ?? 0),
      ]
  }

  fileprivate var dropoutArguments: [KernelArgument] {
    let stream = dropout?.stream
    return [
      .float(dropout?.probability ?? 0), .uint(stream?.key[0] ?? 0), .uint(stream?.key[1] ?? 0),
      .uint(stream?.counterTail[0] ?? 0), .uint(stream?.counterTail[1] ?? 0),
      .uint(UInt32(truncatingIfNeeded: (dropout?.firstSequence ?? 0) * shape.heads)),
    ]
  }
}

extension AttentionShape {
  fileprivate var arguments: [KernelArgument] {
    [.int(headDimension), .int(queryLength), .int(keyLength), .float(scale)]
  }

  /// Floating point operations of so many products of queries and keys, masked ones counted as well.
  fileprivate func operations(products: Int) -> Double {
    2 * Double(products) * Double(batch * heads) * Double(queryLength) * Double(keyLength)
      * Double(headDimension)
  }

  fileprivate func bytes(queryMatrices: Int, keyMatrices: Int) -> Double {
    4 * Double(batch * width) * Double(queryMatrices * queryLength + keyMatrices * keyLength)
  }
}

/// How the attention kernels of one set are launched: both sets have the same kernels with the same arguments.
private struct AttentionKernels {
  let file: String
  let options: String
  /// Positions a work-group owns.
  let positions: Int
  /// Work-items of a group.
  let items: Int

  init(_ operation: Attention, gpu: Bool, traits: OpenCLHardware.Traits) {
    let headDimension = operation.shape.headDimension
    if gpu {
      file = "attention_gpu"
      let head = (headDimension + 31) / 32 * 32
      // Rows an item owns: as many as keep its sums in registers and the largest kernel in local memory.
      var rows = headDimension <= 64 ? 4 : headDimension <= 128 ? 2 : 1
      // A row of sums is made odd, so that neighbouring rows begin in different banks.
      let buckets = operation.positions.map { $0.bucketCount | 1 } ?? 0
      func localMemory() -> Int { 4 * 8 * rows * (4 * (head + 4) + 2 * (8 * rows + 4) + buckets) }
      while rows > 1, localMemory() > traits.localMemory { rows /= 2 }
      options =
        "-DHEAD=\(head) -DR=\(rows)" + (buckets > 0 ? " -DBUCKETS=\(buckets)" : "") + operation.commonOptions
      positions = 8 * rows
      items = 64
    } else {
      let width = traits.vectorWidth >= 16 ? 16 : traits.vectorWidth >= 8 ? 8 : 4
      file = "attention_cpu"
      options = "-DWIDTH=\(width) -DTILE=\(width == 16 ? 8 : 4)" + operation.commonOptions
      positions = 2 * width
      items = 1
    }
  }

  func global(_ length: Int, _ shape: AttentionShape) -> [Int] {
    [(length + positions - 1) / positions * items, shape.heads, shape.batch]
  }
}

extension OpenCLDevice {
  public func attention(_ operation: Attention) {
    let shape = operation.shape
    let kernels = AttentionKernels(operation, gpu: usesGPUKernels, traits: traits)
    launch(
      kernels.file, "attention_forward", options: kernels.options,
      global: kernels.global(shape.queryLength, shape), local: [kernels.items, 1, 1],
      operations: shape.operations(products: 2), bytes: shape.bytes(queryMatrices: 2, keyMatrices: 2),
      KernelArgument.matrix(operation.query) + KernelArgument.matrix(operation.key)
        + KernelArgument.matrix(operation.value) + [.slice(operation.keyRanges)]
        + KernelArgument.matrix(operation.output) + [.slice(operation.logSumExp)]
        + operation.positionArguments + operation.dropoutArguments + shape.arguments)
  }

  /// Two launches: dq, which also leaves `do_i · out_i`, then dk and dv.
  public func attention(_ operation: AttentionBackward) {
    let forward = operation.forward
    let shape = forward.shape
    let kernels = AttentionKernels(forward, gpu: usesGPUKernels, traits: traits)
    let delta = scratch(shape.batch * shape.heads * shape.queryLength)
    let inputs =
      KernelArgument.matrix(forward.query) + KernelArgument.matrix(forward.key)
      + KernelArgument.matrix(forward.value) + [.slice(forward.keyRanges)]
    let outputGradient = KernelArgument.matrix(operation.outputGradient)
    launch(
      kernels.file, "attention_query_gradient", options: kernels.options,
      global: kernels.global(shape.queryLength, shape), local: [kernels.items, 1, 1],
      operations: shape.operations(products: 3), bytes: shape.bytes(queryMatrices: 4, keyMatrices: 2),
      inputs + KernelArgument.matrix(forward.output) + [.slice(forward.logSumExp)] + outputGradient
        + KernelArgument.matrix(operation.queryGradient) + [.slice(delta)] + forward.positionArguments
        + KernelArgument.matrix(operation.positionGradients?.query) + forward.dropoutArguments
        + shape.arguments)
    launch(
      kernels.file, "attention_key_value_gradient", options: kernels.options,
      global: kernels.global(shape.keyLength, shape), local: [kernels.items, 1, 1],
      operations: shape.operations(products: 4), bytes: shape.bytes(queryMatrices: 2, keyMatrices: 4),
      inputs + [.slice(forward.logSumExp)] + outputGradient + [.slice(delta)]
        + KernelArgument.matrix(operation.keyGradient) + KernelArgument.matrix(operation.valueGradient)
        + forward.positionArguments + KernelArgument.matrix(operation.positionGradients?.key)
        + forward.dropoutArguments + shape.arguments)
  }
}
