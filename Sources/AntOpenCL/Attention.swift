import AntDevice
import CAntKernels

extension Attention {
  /// What the precision and the optional terms are compiled in by.
  fileprivate var commonOptions: String {
    precision.option + (positions == nil ? "" : " -DPOSITIONS=1")
      + (dropout == nil ? "" : " -DDROPOUT=1 -DKEY_BITS=\(AttentionDropout.keyBits)")
  }

  /// The same for kernels whose groups share local memory (see Kernels/attention_group.cl).
  fileprivate var groupOptions: String { commonOptions + (positions == nil ? "" : " -DBUCKETS=\(sumPitch)") }

  /// Floats from one row of sums by bucket to the next, which is twice an odd number; 0 where there are no sums.
  fileprivate var sumPitch: Int { positions.map { ($0.bucketCount + 1) / 4 * 4 + 2 } ?? 0 }

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

/// How the attention kernels of one set are launched: all sets have the same forward kernel, with the same
/// arguments.
struct AttentionKernels {
  let file: String
  let options: String
  /// Positions a work-group owns.
  let positions: Int
  /// Work-items of a group.
  let items: Int
  /// Whether the backward pass is one kernel, a work-item a head, or two, a group for some queries or keys.
  let isOnePassBackward: Bool
  /// Floats that a backward pass keeps about each query in between.
  let statistics: Int

  /// - Parameter others: the matrices of the operation beside those of its forward pass.
  init(_ operation: Attention, others: [Matrix] = [], on device: OpenCLDevice) {
    let traits = device.traits
    if device.usesGPUKernels, let tensor = Self.tensor(operation, others, on: device) {
      self = tensor
    } else if device.usesGPUKernels {
      let headDimension = operation.shape.headDimension
      let head = (headDimension + 31) / 32 * 32
      // Rows an item owns: as many as keep its sums in registers and the largest kernel in local memory.
      var rows = headDimension <= 64 ? 4 : headDimension <= 128 ? 2 : 1
      func localMemory() -> Int { 4 * gpuAttentionLocalFloats(head, rows, operation.sumPitch) }
      while rows > 1, localMemory() > traits.localMemory { rows /= 2 }
      self.init(
        file: "attention_gpu",
        options: "-DHEAD=\(head) -DR=\(rows)" + operation.groupOptions,
        positions: gpuAttentionRows(rows), items: Int(GPU_ITEMS))
    } else {
      let width = traits.vectorWidth >= 16 ? 16 : traits.vectorWidth >= 8 ? 8 : 4
      // A few sizes, so that most programs compile one; what is on the stack is no larger than it need be.
      let largest = AttentionShape.maximumHeadDimension
      let limit = [64, 128].first { operation.shape.headDimension <= $0 } ?? largest
      let panels = largest / limit
      self.init(
        file: "attention_cpu",
        options:
          "-DWIDTH=\(width) -DTILE=\(width == 16 ? 8 : 4) -DHEAD_LIMIT=\(limit) -DPANELS=\(panels)"
          + " -DBUCKET_LIMIT=\(PositionScores.maximumBuckets)" + operation.commonOptions,
        positions: panels * cpuAttentionLanes(width), items: 1, isOnePassBackward: true)
    }
  }

  private init(
    file: String, options: String, positions: Int, items: Int, isOnePassBackward: Bool = false,
    statistics: Int = 1
  ) {
    self.file = file
    self.options = options
    self.positions = positions
    self.items = items
    self.isOnePassBackward = isOnePassBackward
    self.statistics = statistics
  }

  private static let tensorFile = "attention_tensor"

  /// Those of matrix units (Kernels/attention_tensor.cl), where they take the operation.
  private static func tensor(_ operation: Attention, _ others: [Matrix], on device: OpenCLDevice)
    -> AttentionKernels?
  {
    let head = operation.shape.headDimension
    guard operation.precision != .float32, [32, 64, 96, 128].contains(head) else { return nil }
    let matrices = [operation.query, operation.key, operation.value, operation.output] + others
    // Distances in a tile are ints.
    guard
      (matrices + (operation.positions.map { [$0.query, $0.key] } ?? [])).allSatisfy({ $0.stride < 1 << 24 }),
      device.matrixUnit != .none
    else { return nil }
    let pitch = tensorAttentionPitch(head, operation.precision.termsPerWord)
    let sums = operation.sumPitch
    let isAligned = matrices.allSatisfy { $0.storage.offset % 4 == 0 && $0.stride % 4 == 0 }
    // Of a group whose warps own 16 each.
    let blockRows = tensorAttentionRows(pitch, sums)
    let items = tensorAttentionGroup(pitch, sums)
    // Of what a group of NVIDIA's has, 48 KB, heads of 128 words leave no room for sums by bucket; in tf32 heads of 96
    // leave none for more than 94 buckets, and heads of 64 for more than 126.
    func fits(_ rows: Int) -> Bool {
      4 * tensorAttentionLocalWords(head, pitch, rows, sums)
        + device.matrixUnit.localMemory(items: items) <= device.traits.localMemory
    }
    guard fits(blockRows) else { return nil }
    // Warps of long sequences own twice as many rows, where there are registers for it: for heads of 64 not by the
    // assembler of NVIDIA's cards before 9.0.
    let ownsMoreRows =
      pitch == 32 && operation.positions == nil && operation.dropout == nil && isAligned
      && min(operation.shape.queryLength, operation.shape.keyLength) > 128
      && (device.matrixUnit == .emulated
        || device.matrixUnit.loadsMatrices && (head < 64 || device.traits.computeCapability >= 90))
    let rowBlocks = ownsMoreRows && fits(2 * blockRows) ? 2 : 1
    let rows = rowBlocks * blockRows
    let isNarrow = head <= 64 && (operation.dropout == nil || operation.positions == nil && pitch == 32)
    return AttentionKernels(
      file: tensorFile,
      // Of narrow heads three groups of 128 items share a multiprocessor; wide ones need all the registers there are, as
      // do warps with many rows, loads word by word and most kernels with dropout, and of groups of 64 as many find room
      // anyway.
      options: "-DHEAD=\(head) -DALIGNED=\(isAligned ? 1 : 0)" + (rowBlocks == 2 ? " -DROW_BLOCKS=2" : "")
        + operation.groupOptions
        + device.matrixUnit.options(
          registers: isNarrow && rows == 64 && device.matrixUnit.loadsMatrices ? 168 : 255), positions: rows,
      items: items, statistics: Int(TENSOR_STATISTICS))
  }

  /// The file of a pass, `forward` or `backward`; those of matrix units are compiled together.
  func program(_ pass: String) -> String { file == Self.tensorFile ? file : "\(file)_\(pass)" }

  func global(_ length: Int, _ shape: AttentionShape) -> [Int] {
    [(length + positions - 1) / positions * items, shape.heads, shape.batch]
  }
}

extension OpenCLDevice {
  public func attention(_ operation: Attention) {
    let shape = operation.shape
    let kernels = AttentionKernels(operation, on: self)
    launch(
      kernels.program("forward"), "attention_forward", options: kernels.options,
      global: kernels.global(shape.queryLength, shape), local: [kernels.items, 1, 1],
      operations: shape.operations(products: 2), bytes: shape.bytes(queryMatrices: 2, keyMatrices: 2),
      KernelArgument.matrix(operation.query) + KernelArgument.matrix(operation.key)
        + KernelArgument.matrix(operation.value) + [.slice(operation.keyRanges)]
        + KernelArgument.matrix(operation.output) + [.slice(operation.logSumExp)]
        + operation.positionArguments + operation.dropoutArguments + shape.arguments)
  }

  /// One launch where a work-item takes a whole head; else two: dq, which also leaves `do_i · out_i`, then dk and dv.
  public func attention(_ operation: AttentionBackward) {
    let forward = operation.forward
    let shape = forward.shape
    let kernels = AttentionKernels(
      forward,
      others: [
        operation.outputGradient, operation.queryGradient, operation.keyGradient, operation.valueGradient,
      ], on: self)
    let statistics = scratch(shape.batch * shape.heads * shape.queryLength * kernels.statistics)
    let inputs =
      KernelArgument.matrix(forward.query) + KernelArgument.matrix(forward.key)
      + KernelArgument.matrix(forward.value) + [.slice(forward.keyRanges)]
    let outputGradient = KernelArgument.matrix(operation.outputGradient)
    guard !kernels.isOnePassBackward else {
      let positionGradients = operation.positionGradients
      launch(
        kernels.program("backward"), "attention_backward", options: kernels.options,
        global: [1, shape.heads, shape.batch], local: [1, 1, 1],
        operations: shape.operations(products: 5), bytes: shape.bytes(queryMatrices: 4, keyMatrices: 4),
        inputs + KernelArgument.matrix(forward.output) + [.slice(forward.logSumExp)] + outputGradient
          + KernelArgument.matrix(operation.queryGradient) + KernelArgument.matrix(operation.keyGradient)
          + KernelArgument.matrix(operation.valueGradient) + [.slice(statistics)]
          + forward.positionArguments + KernelArgument.matrix(positionGradients?.query)
          + KernelArgument.matrix(positionGradients?.key) + forward.dropoutArguments + shape.arguments)
      return
    }
    func terms(_ gradient: Matrix?) -> [KernelArgument] {
      forward.positionArguments + KernelArgument.matrix(gradient) + forward.dropoutArguments
    }
    launch(
      kernels.program("backward"), "attention_query_gradient", options: kernels.options,
      global: kernels.global(shape.queryLength, shape), local: [kernels.items, 1, 1],
      operations: shape.operations(products: 3), bytes: shape.bytes(queryMatrices: 4, keyMatrices: 2),
      inputs + KernelArgument.matrix(forward.output) + [.slice(forward.logSumExp)] + outputGradient
        + KernelArgument.matrix(operation.queryGradient) + [.slice(statistics)]
        + terms(operation.positionGradients?.query) + shape.arguments)
    // What the first kernel left holds the log-sum-exp as well, where it is more than one float.
    let logSumExp: [KernelArgument] = kernels.statistics == 1 ? [.slice(forward.logSumExp)] : []
    launch(
      kernels.program("backward"), "attention_key_value_gradient", options: kernels.options,
      global: kernels.global(shape.keyLength, shape), local: [kernels.items, 1, 1],
      operations: shape.operations(products: 4), bytes: shape.bytes(queryMatrices: 2, keyMatrices: 4),
      inputs + logSumExp + outputGradient + [.slice(statistics)]
        + KernelArgument.matrix(operation.keyGradient) + KernelArgument.matrix(operation.valueGradient)
        + terms(operation.positionGradients?.key) + shape.arguments)
  }
}
